"""Extended XYZ: a split for other programs, one file per family and role. Written exactly, without ASE."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mfbench.data.configuration import Configuration
from mfbench.data.elements import symbol
from mfbench.data.split import ROLES, Split, as_split
from mfbench.data.xyz_frame import xyz_frame
from mfbench.errors import ProtocolError, UnknownNameError
from mfbench.work.files import new_folder
from mfbench.work.ownership import holds_nothing

__all__ = ["export_extxyz", "frame"]

_README = """{name} {version}, {level_of_theory}, licence {license}, data hash {data_hash}

One file per family and role: FOLD/FAMILY.ROLE.extxyz. Roles: support (may be learned from), query (other
trajectories of the same fragments), heldout (fragments that the support does not hold), larger (larger
cuts of the same proteins, where a family has some).

Units: positions (pos) in Å, energy in eV (total energy at the level of theory), forces in eV/Å (minus the
gradient), temperature_K in K. total_charge is in units of e; spin is the multiplicity, n_unpaired + 1.
config_id, fragment_id and trajectory_id are the names in the data set. No periodic boundaries.
Decimals are exact: positions are multiples of 2^-13 Å and forces of 2^-12 eV/Å.

Energies of isolated atoms (eV):
{atoms}
"""


def export_extxyz(split: str | Path | Split, out: Path, *, fragments: Sequence[str] = ()) -> list[Path]:
    """Write a split as ``<fold>/<family>.<role>.extxyz`` and a ``README.txt`` with the units.

    The folder appears when it is complete.

    Args:
        split: or its name, or its folder.
        out: new, or empty.
        fragments: only configurations of these molecules; none: of all.

    Returns:
        The extxyz files.

    Raises:
        ProtocolError: ``out`` holds something, or two families would share a file.
        UnknownNameError: the split holds no configuration of a molecule that was asked for.
    """
    out, split = Path(out), as_split(split)
    if out.exists() and (not out.is_dir() or not holds_nothing(out)):
        raise ProtocolError(f"{out} is not empty: choose another folder with --out")
    held = {c.fragment_id for task in split.tasks for c in task.everything}
    if missing := set(fragments) - held:
        raise UnknownNameError(f"{split.name} holds no labels of the molecule '{min(missing)}'")
    names = []
    atoms = "\n".join(f"{symbol(z):<2} {e!r}" for z, e in sorted(split.isolated_atom_energies.items()))
    with new_folder(out) as folder:
        for task in split.tasks:
            for role in ROLES:
                chosen = [c for c in getattr(task, role) if not fragments or c.fragment_id in fragments]
                if not chosen:
                    continue
                family = re.sub(r"[^\w.+-]", "_", task.family_id)
                name = Path(task.fold) / f"{family}.{role}.extxyz"
                if name in names:
                    raise ProtocolError(f"two families would be written to {name}")
                names.append(name)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                _write(folder / name, chosen)
        text = _README.format(**split.manifest.model_dump(), atoms=atoms) + _about_levels(split)
        (folder / "README.txt").write_text(text, encoding="utf-8")
    return [out / name for name in names]


def _about_levels(split: Split) -> str:
    """What a reader must know where tasks have levels of theory; nothing elsewhere."""
    if not any(task.level for task in split.tasks):
        return ""
    levels = ", ".join(sorted({task.level for task in split.tasks}))
    lines = [
        "",
        f"A family's name begins with its level of theory: {levels}. Energies of all levels lie on the",
        f"scale of {split.manifest.level_of_theory}. To get a level's own energy, subtract (eV per atom of",
        "an element, per unit of negative and of positive charge, and per bond of a type):",
        *(
            f"{level}: {shift.model_dump_json()}"
            for level, shift in sorted(split.manifest.energy_shifts.items())
        ),
    ]
    return "\n".join(lines) + "\n"


def _write(path: Path, configurations: Iterable[Configuration]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(map(frame, configurations))


def frame(c: Configuration) -> str:
    """One labelled configuration as the text of one frame."""
    energy, forces = c.label
    facts = {
        "energy": repr(float(energy)),
        "total_charge": c.total_charge,
        "spin": c.n_unpaired + 1,
        "config_id": f'"{c.config_id}"',
        "fragment_id": f'"{c.fragment_id}"',
        "trajectory_id": f'"{c.trajectory_id}"',
        "temperature_K": f"{c.temperature_K:g}",
        "sampler": f'"{c.sampler}"',
    }
    return xyz_frame(c, facts, {"forces": forces})
