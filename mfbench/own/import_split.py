"""Own files become a split: families, roles, draws and a manifest, which every command takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.elements import atomic_number, symbol
from mfbench.data.parquet import sha256
from mfbench.data.split_tables import write_tasks
from mfbench.data.task import Fold
from mfbench.errors import DataError, ProtocolError
from mfbench.own.frame_order import FrameOrder
from mfbench.own.preflight import Preflight
from mfbench.own.roles import Dealt, deal
from mfbench.work.files import new_folder
from mfbench.work.ownership import holds_nothing
from mfbench.work.version import __version__

__all__ = ["Source", "import_split", "isolated_atoms"]

FIT = "fit"
_BINDING = 4.5
"""eV per atom by which molecules are bound where isolated atoms are fitted: as organic molecules are."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclass(frozen=True, eq=False)
class Source:
    """One file that passed the preflight: a family.

    Attributes:
        path: of the file; its stem names the family.
        fold: where the family belongs.
        read: what it holds.
    """

    path: Path
    fold: Fold
    read: Preflight

    @property
    def family(self) -> str:
        """Name of the family."""
        return re.sub(r"[^\w.+-]", "_", self.path.stem)


def import_split(
    sources: Sequence[Source],
    out: Path,
    *,
    name: str,
    atoms: str | None,
    near_twin: float,
    frames: FrameOrder = FrameOrder.AUTO,
    level: str = "",
    license: str = "",
    seed: int = 0,
) -> list[Dealt]:
    """Write files as a split; the same files give the same bytes. The folder appears when it is whole.

    Args:
        sources: at least one, each with a name of its own.
        out: absent or empty.
        name: of the split.
        atoms: energies of isolated atoms, see ``isolated_atoms``.
        near_twin: Å, see ``deal``.
        frames: what frames without trajectory names are, see ``deal``.
        level, license: for the manifest, in words.
        seed: of roles and draws.

    Returns:
        What became of each file.

    Raises:
        ProtocolError: ``out`` holds something, or the name is none.
        DataError: a family makes no task, two share a name, or energies of isolated atoms are missing.
    """
    if not _NAME.fullmatch(name):
        raise ProtocolError(f"'{name}' is no name for a split: letters, digits, dots and dashes")
    if out.exists() and (not out.is_dir() or not holds_nothing(out)):
        raise ProtocolError(f"{out} is not empty: choose another folder with --out")
    families = [s.family for s in sources]
    for family in families:
        if families.count(family) > 1:
            raise DataError(f"two files are named {family}: rename one, since files name the families")
    dealt = [
        deal(s.family, s.fold, s.read.configurations, near_twin=near_twin, seed=seed, frames=frames)
        for s in sources
    ]
    energies, how = isolated_atoms(sources, dealt, atoms)
    facts = {
        "name": name,
        "version": "1",
        "level_of_theory": level or "not said",
        "license": license or "not said",
        "seed": seed,
        "recipe": {
            "files": {s.path.name: sha256(s.path) for s in sources},
            "isolated_atoms": how,
            "frames": str(frames),
            "folds_disjoint_in": [],
        },
        "tools": {"mfbench": __version__, "numpy": version("numpy")},
        "isolated_atom_energies_eV": {str(z): e for z, e in sorted(energies.items())},
        "changelog": ["1: imported."],
    }
    with new_folder(out) as folder:
        write_tasks(folder, [d.task for d in sorted(dealt, key=lambda d: d.task.family_id)], facts)
    return dealt


def isolated_atoms(
    sources: Sequence[Source], dealt: Sequence[Dealt], said: str | None
) -> tuple[dict[int, float], str]:
    """Energies of isolated atoms, atomic number → eV, and how they are known.

    Args:
        sources: frames of one atom in them are isolated atoms.
        dealt: the families.
        said: ``H=-13.6,C=-1029.1`` (eV), or ``fit``: what the files hold, and of other elements least
            squares on the support pools, molecules bound by 4.5 eV per atom; None: what the files hold.

    Raises:
        DataError: an element is missing, or two files contradict each other.
    """
    support = [c for d in dealt for c in d.task.support]
    wanted = sorted({int(z) for d in dealt for c in d.task.everything for z in c.atomic_numbers})
    found: dict[int, float] = {}
    for source in sources:
        for z, energy in source.read.isolated_atoms.items():
            if abs(found.setdefault(z, energy) - energy) > 1e-3:
                raise DataError(f"two files have different energies of an isolated {symbol(z)} atom")
    if said == FIT:
        fitted = _fitted(support, found)
        whole = {**found, **fitted}
        if lacking := [symbol(z) for z in wanted if z not in whole]:
            raise DataError(f"isolated atoms cannot be fitted: no support has {', '.join(lacking)}")
        if not fitted:
            return whole, "from frames of one atom"
        names = ", ".join(symbol(z) for z in sorted(fitted))
        return whole, f"fitted to the support pools ({names}), molecules bound by 4.5 eV per atom"
    found |= _parsed(said) if said else {}
    if lacking := [symbol(z) for z in wanted if z not in found]:
        raise DataError(
            f"energies of isolated atoms are missing ({', '.join(lacking)}): give --isolated-atoms "
            "H=-13.6,… (eV, of the labels' level), put them into a file as frames of one atom, or say "
            "--isolated-atoms fit"
        )
    return {z: found[z] for z in wanted}, "as given" if said else "from frames of one atom"


def _fitted(support: Sequence[Configuration], known: Mapping[int, float]) -> dict[int, float]:
    """Energies of the elements that are not ``known``, given those that are."""
    elements = sorted({int(z) for c in support for z in c.atomic_numbers} - set(known))
    if not elements:
        return {}
    counts = np.array([np.bincount(c.atomic_numbers, minlength=128)[elements] for c in support], float)
    atoms = np.array([sum(known.get(int(z), 0.0) for z in c.atomic_numbers) for c in support])
    target = np.array([c.label[0] + _BINDING * len(c) for c in support]) - atoms
    solved, *_ = np.linalg.lstsq(counts, target, rcond=1e-9)
    return dict(zip(elements, solved.tolist(), strict=True))


def _parsed(text: str) -> Mapping[int, float]:
    found = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        try:
            found[atomic_number(name.strip())] = float(value)
        except (ValueError, KeyError):
            raise DataError(
                f"--isolated-atoms takes H=-13.6,C=-1029.1 (eV), not '{part.strip()}'"
            ) from None
        if not np.isfinite(found[atomic_number(name.strip())]):
            raise DataError(f"the energy of an isolated {name.strip()} atom is not finite")
    return found
