"""Labelled structures as extended XYZ that ASE and mace-torch read: keys, units and level in the header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mfbench.data.configuration import Configuration
from mfbench.data.elements import symbol
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
    """One frame. ``energy`` in eV, ``forces`` in eV/Å (minus the gradient), ``spin`` = 2S + 1."""
    columns = "species:S:1:pos:R:3" + ("" if entry.forces is None else ":forces:R:3")
    facts: dict[str, object] = {"Properties": columns}
    if entry.energy is not None:
        facts["energy"] = repr(float(entry.energy))
    facts |= {
        "total_charge": c.total_charge,
        "spin": c.n_unpaired + 1,
        "level": f'"{level.name}"',
        "level_of_theory": f'"{level.description}"',
        "units": f'"{UNITS}"',
        "pbc": '"F F F"',
    }
    if entry.failure:
        facts["label_failure"] = '"' + entry.failure.replace('"', "'").replace("\\", "/") + '"'
    lines = [str(len(c)), " ".join(f"{name}={value}" for name, value in facts.items())]
    for i, number in enumerate(c.atomic_numbers):
        numbers = [f"{x:.10f}" for x in c.positions[i]]
        if entry.forces is not None:
            numbers += [f"{x:.10f}" for x in entry.forces[i]]
        lines.append(" ".join([f"{symbol(number):<2}", *numbers]))
    return "\n".join(lines) + "\n"
