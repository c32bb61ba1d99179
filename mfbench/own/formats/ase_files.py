"""Extended XYZ and everything else that ASE reads: databases, trajectories, XYZ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.errors import DataError, UnknownNameError
from mfbench.own.formats.keys import (
    CHARGE_KEYS,
    SPIN_KEYS,
    choose_key,
    is_gradient,
    label_keys,
    unpaired_electrons,
)
from mfbench.own.frames import Frame, Frames

__all__ = ["read_ase"]

_GROUP_KEYS = ("trajectory_id", "trajectory", "fragment_id", "config_type", "name", "smiles", "molecule")
_CALCULATOR = "(calculator)"


def read_ase(path: Path, *, energy_key: str | None = None, forces_key: str | None = None) -> Frames:
    """Frames of a file that ASE reads; labels from info, arrays or the attached calculator.

    Raises:
        DataError: it cannot be read, is empty, or its keys are ambiguous.
        UnknownNameError: ASE is not installed.
    """
    images = _images(path)
    if not images:
        raise DataError(f"{path} holds no structure")
    energies = {
        name: [_number(a.info.get(name)) for a in images]
        for name in label_keys(_names(a.info for a in images), "energy")
    }
    forces = {
        name: [np.asarray(a.arrays[name], float) for a in images]
        for name in label_keys(_names(a.arrays for a in images), "forces")
        if all(name in a.arrays for a in images)
    }
    stored = [_stored(a) for a in images]
    if any(e is not None for e, _ in stored):
        energies.setdefault("energy" + _CALCULATOR, [_number(e) for e, _ in stored])
    if all(f is not None for _, f in stored):
        forces.setdefault("forces" + _CALCULATOR, [f for _, f in stored if f is not None])
    energy = choose_key(energies, "energy", _named(energies, energy_key), path)
    force = choose_key(
        {k: np.concatenate(v) for k, v in forces.items()}, "forces", _named(forces, forces_key), path
    )
    charge = next((k for k in CHARGE_KEYS if any(k in a.info for a in images)), None)
    spin = next((k for k in SPIN_KEYS if any(k in a.info for a in images)), None)
    group = next((k for k in _GROUP_KEYS if any(k in a.info for a in images)), None)
    frames = [
        Frame(
            numbers=np.asarray(atoms.numbers, np.int32),
            positions=np.asarray(atoms.positions, float),
            energy=_finite(energies[energy][i]) if energy else None,
            forces=forces[force][i] if force else None,
            charge=round(float(atoms.info[charge])) if charge and charge in atoms.info else None,
            n_unpaired=unpaired_electrons(spin, atoms.info[spin]) if spin and spin in atoms.info else None,
            periodic=bool(np.any(atoms.pbc)) and atoms.cell.rank > 0,
            group=str(atoms.info.get(group, "")) if group else "",
        )
        for i, atoms in enumerate(images)
    ]
    keys = {"energy": energy, "forces": force, "charge": charge, "spin": spin}
    units = {
        what: str(images[0].info[f"{what}_unit"])
        for what in ("energy", "forces", "length")
        if f"{what}_unit" in images[0].info
    }
    return Frames(
        path,
        tuple(frames),
        {what: key.removesuffix(_CALCULATOR) for what, key in keys.items() if key},
        bool(force and is_gradient(force)),
        units,
    )


def _images(path: Path) -> Sequence[Any]:
    try:
        from ase.io import read
    except ModuleNotFoundError:
        raise UnknownNameError(
            "reading structure files needs ase, which is not installed (pip install 'mfbench[label]')"
        ) from None
    try:
        if path.suffix == ".db":
            return _database(path)
        images = read(path, index=":")
    except Exception as error:  # ASE raises whatever its readers meet
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read as structures: {reason}") from None
    return images if isinstance(images, list) else [images]


def _database(path: Path) -> list[Any]:
    """Rows of an ASE database with their key-value pairs and data, which ASE's own reader leaves out."""
    from ase.db import connect

    images = []
    for row in connect(path).select():
        atoms = row.toatoms()
        atoms.info |= {**row.key_value_pairs, **row.data}
        for name in label_keys(list(atoms.info), "forces"):
            atoms.arrays[name] = np.asarray(atoms.info.pop(name), float)
        images.append(atoms)
    return images


def _names(dictionaries: Any) -> list[str]:
    seen: dict[str, None] = {}
    for dictionary in dictionaries:
        seen.update(dict.fromkeys(dictionary))
    return list(seen)


def _named(found: dict[str, Any], asked: str | None) -> str | None:
    return asked + _CALCULATOR if asked and asked not in found and asked + _CALCULATOR in found else asked


def _stored(atoms: Any) -> tuple[float | None, np.ndarray | None]:
    """What a single-point calculator holds; nothing is computed."""
    results = getattr(atoms.calc, "results", {}) if atoms.calc is not None else {}
    forces = results.get("forces")
    return results.get("energy"), None if forces is None else np.asarray(forces, float)


def _number(value: Any) -> float:
    """A scalar, NaN where there is none."""
    return float("nan") if value is None else float(np.asarray(value, float).reshape(-1)[0])


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else value
