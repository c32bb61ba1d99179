"""Small molecules that say where the energies of a level lie: what isolated atoms are, with bonds.

``python -m mfbench_tasks.levels.reference_molecules`` labels ``tasks/recipes/reference-molecules.xyz``
(relaxed with GFN2) at every level and writes the energies beside it; levels that are there already stay.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mfbench.data.configuration import Configuration
from mfbench.errors import DataError
from mfbench.work.files import write_text
from mfbench_tasks.labelling.level import LevelError
from mfbench_tasks.labelling.read_structures import read_structures
from mfbench_tasks.labelling.registry import LEVELS, find_level

__all__ = ["ReferenceMolecules", "read_reference_molecules"]

MOLECULES = Path("tasks/recipes/reference-molecules.xyz")


@dataclass(frozen=True, eq=False)
class ReferenceMolecules:
    """Molecules and their energies.

    Attributes:
        molecules: the backbone, the side chains and the ions of proteins in small.
        energies: level → energies in the molecules' order, eV, on the level's own zero.
    """

    molecules: tuple[Configuration, ...]
    energies: Mapping[str, tuple[float, ...]]


def read_reference_molecules(path: Path) -> ReferenceMolecules:
    """The molecules of an extxyz file, and the energies in the JSON file beside it.

    Raises:
        DataError: a file is missing, or energies are not one per molecule.
    """
    molecules = tuple(read_structures(path))
    record = path.with_suffix(".json")
    try:
        energies = {name: tuple(row) for name, row in json.loads(record.read_text()).items()}
    except FileNotFoundError:
        raise DataError(
            f"{record} is missing: python -m mfbench_tasks.levels.reference_molecules"
        ) from None
    for name, row in energies.items():
        if len(row) != len(molecules):
            raise DataError(
                f"{record} has {len(row)} energies at {name}, {path} {len(molecules)} molecules"
            )
    return ReferenceMolecules(molecules, energies)


def main(arguments: list[str] | None = None) -> None:
    """Label the molecules at the levels that are missing, one level after the other."""
    parser = argparse.ArgumentParser(prog="mfbench_tasks.levels.reference_molecules", description=__doc__)
    parser.add_argument("--molecules", type=Path, default=MOLECULES)
    parser.add_argument("--levels", default=",".join(LEVELS), help="default: all")
    options = parser.parse_args(arguments)
    molecules, record = read_structures(options.molecules), options.molecules.with_suffix(".json")
    found = json.loads(record.read_text()) if record.is_file() else {}
    for name in options.levels.split(","):
        if name in found:
            continue
        try:
            found[name] = [
                find_level(name).engine(c.atomic_numbers, c.total_charge).label(c.positions).energy
                for c in molecules
            ]
        except LevelError as error:
            print(f"{name}: {error}")
            continue
        rows = [f'"{level}": {json.dumps(found[level])}' for level in sorted(found)]
        write_text(record, "{\n " + ",\n ".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
