"""Turns the entries of a labelling job into the tables of a level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.label_table import read_labels, write_labels
from mfbench.data.levels import LevelCard, read_level, write_level
from mfbench.data.parquet import sha256
from mfbench_tasks.labelling.entry import Entry
from mfbench_tasks.labelling.label_gates import refusal
from mfbench_tasks.labelling.level import Level

__all__ = ["collect", "isolated_atoms"]


def isolated_atoms(level: Level, atomic_numbers: Iterable[int]) -> dict[int, float]:
    """Energies (eV) of neutral atoms in their ground-state spin, on the level's own zero.

    Raises:
        ScfFailure: one does not converge.
    """
    from ase.data import ground_state_magnetic_moments

    out = {}
    for z in sorted({int(z) for z in atomic_numbers}):
        unpaired = int(ground_state_magnetic_moments[z])
        out[z] = level.engine([z], 0, unpaired).label(np.zeros((1, 3))).energy
    return out


def collect(
    level: Level, entries: Mapping[str, Entry], configurations: Sequence[Configuration], folder: Path
) -> int:
    """Add what the folder's tables do not hold as one more part; returns how many labels were new.

    Args:
        entries: of the journal.
        configurations: that were labelled, for their elements.
        folder: of the level, e.g. ``tasks/data/labels/gfn1``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    old = read_level(folder) if (folder / "level.json").is_file() else None
    files = dict(old.files) if old else {}
    held = {name for part in files for name in read_labels(folder / part)}
    failed = {name: why for name, e in sorted(entries.items()) if (why := refusal(e))}
    labels = {
        name: (e.energy, e.forces)
        for name, e in entries.items()
        if e.energy is not None and e.forces is not None and name not in held and name not in failed
    }
    if not labels and old is not None and failed == old.failed:
        return 0
    if labels:
        part = f"part-{len(files):04d}.parquet"
        write_labels(folder / part, labels)
        files[part] = sha256(folder / part)
    atoms = dict(old.isolated_atom_energies_eV) if old else {}
    needed = {int(z) for c in configurations for z in set(c.atomic_numbers.tolist())} - atoms.keys()
    card = LevelCard(
        name=level.name,
        description=level.description,
        citation=level.citation,
        settings=dict(level.settings),
        tools=_tools(level),
        isolated_atom_energies_eV={**atoms, **isolated_atoms(level, needed)},
        zero=level.zero,
        labels=len(held) + len(labels),
        failed={**(old.failed if old else {}), **failed},
        seconds_per_label=float(f"{np.median([e.seconds for e in entries.values()]):.3g}"),
        files=files,
    )
    write_level(folder, card)
    return len(labels)


def _tools(level: Level) -> dict[str, str]:
    names = {"atoms": ("pyscf", "numpy"), "valence": ("tblite", "numpy"), "formation": ()}
    found = {}
    for name in names.get(level.zero, ()):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if level.zero == "formation":
        found["mopac"] = _mopac_version()
    return found


def _mopac_version() -> str:
    import re
    import subprocess

    said = subprocess.run(["mopac", "--version"], capture_output=True, text=True, check=False, input="")
    match = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    return match[0] if match else "unknown"
