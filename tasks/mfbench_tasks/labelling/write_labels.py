"""Labelled structures as extended XYZ that ASE and mace-torch read: keys, units and level in the header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mfbench.data.configuration import Configuration
from mfbench.data.xyz_frame import xyz_frame
from mfbench.work.files import written
from mfbench_tasks.labelling.entry import Entry
from mfbench_tasks.labelling.level import Level

__all__ = ["labelled_frame", "write_labelled"]

UNITS = "positions Å, energy eV, forces eV/Å"


def write_labelled(
    path: Path, configurations: Sequence[Configuration], entries: Mapping[str, Entry], level: Level
) -> None:
    """Write every configuration in its order; the file appears when it is complete.

    A configuration without a label has no energy and no forces, and says why in ``label_failure``.
    """
    with written(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.writelines(labelled_frame(c, entries[c.config_id], level) for c in configurations)


def labelled_frame(c: Configuration, entry: Entry, level: Level) -> str:
    """One frame. ``energy`` in eV, ``forces`` in eV/Å (minus the gradient), ``spin`` = 2S + 1.

    Names of molecule and trajectory are kept where the structures bear them: folds are blocked by them.
    """
    facts: dict[str, object] = {} if entry.energy is None else {"energy": repr(float(entry.energy))}
    facts |= {
        "total_charge": c.total_charge,
        "spin": c.n_unpaired + 1,
        **{n: f'"{v}"' for n in ("fragment_id", "trajectory_id") if (v := _quotable(getattr(c, n)))},
        "level": f'"{level.name}"',
        "level_of_theory": f'"{level.description}"',
        "units": f'"{UNITS}"',
    }
    if entry.failure:
        facts["label_failure"] = f'"{_quotable(entry.failure)}"'
    return xyz_frame(c, facts, {} if entry.forces is None else {"forces": entry.forces}, decimals=10)


def _quotable(text: str) -> str:
    return text.replace('"', "'").replace("\\", "/")
