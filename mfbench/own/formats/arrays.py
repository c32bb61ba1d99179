"""NumPy archives as sGDML and rMD17 use them: one molecule, arrays over its configurations."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.errors import DataError
from mfbench.own.formats.keys import CHARGE_KEYS, choose_key, is_gradient, label_keys
from mfbench.own.frames import Frame, Frames

__all__ = ["frames_of_arrays", "read_npz"]

_NUMBERS = ("z", "numbers", "atomic_numbers", "nuclear_charges", "species")
_POSITIONS = ("r", "coords", "positions", "coordinates", "conformations", "xyz")


def read_npz(path: Path, *, energy_key: str | None = None, forces_key: str | None = None) -> Frames:
    """Frames of an archive with atomic numbers [n], positions [m, n, 3], energies [m] and forces [m, n, 3].

    Declared units (``r_unit``, ``e_unit``, as sGDML writes them) are kept. Pickled entries are refused.

    Raises:
        DataError: it cannot be read, an array is missing or has the wrong shape, or keys are ambiguous.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as a NumPy archive without pickles: {error}") from None
    frames, keys, gradients = frames_of_arrays(arrays, path, energy_key, forces_key)
    declared = {"length": "r_unit", "energy": "e_unit"}
    units = {what: _text(arrays[name]) for what, name in declared.items() if name in arrays}
    return Frames(path, tuple(frames), keys, gradients, units)


def frames_of_arrays(
    arrays: Mapping[str, np.ndarray],
    path: Path,
    energy_key: str | None,
    forces_key: str | None,
    group: str = "",
) -> tuple[list[Frame], dict[str, str], bool]:
    """Frames of one molecule, the keys that were read, and whether the forces' key names gradients.

    Raises:
        DataError: as ``read_npz``.
    """
    names = {name.lower(): name for name in arrays}
    number_key = next((names[n] for n in _NUMBERS if n in names), None)
    position_key = next((names[n] for n in _POSITIONS if n in names), None)
    if number_key is None or position_key is None:
        missing = "atomic numbers" if number_key is None else "positions"
        raise DataError(f"{path} has no {missing}: it holds {', '.join(arrays) or 'nothing'}")
    positions = np.asarray(arrays[position_key], float)
    positions = positions[None] if positions.ndim == 2 else positions
    m, n = positions.shape[:2] if positions.ndim == 3 else (0, 0)
    numbers = np.asarray(arrays[number_key])
    if positions.shape != (m, n, 3) or numbers.shape not in ((n,), (m, n)) or not n:
        raise DataError(
            f"{path}: {position_key} has shape {positions.shape} and {number_key} {numbers.shape}; "
            "wanted [m, n, 3] and [n]"
        )
    energies = {k: np.asarray(arrays[k], float).reshape(-1) for k in label_keys(arrays, "energy")}
    energies = {k: v for k, v in energies.items() if len(v) == m}
    forces = {k: np.asarray(arrays[k], float).reshape(-1, n, 3) for k in _shaped(arrays, m * n * 3)}
    energy = choose_key(energies, "energy", energy_key, path)
    force = choose_key(forces, "forces", forces_key, path)
    charges = next((arrays[names[k]] for k in CHARGE_KEYS if k in names), None)
    charge = None if charges is None else np.broadcast_to(np.asarray(charges).reshape(-1), (m,))
    frames = [
        Frame(
            numbers=np.asarray(numbers if numbers.ndim == 1 else numbers[i], np.int32),
            positions=positions[i],
            energy=float(energies[energy][i]) if energy and np.isfinite(energies[energy][i]) else None,
            forces=forces[force][i] if force else None,
            charge=None if charge is None else round(float(charge[i])),
            group=group,
        )
        for i in range(m)
    ]
    keys = {"energy": energy, "forces": force}
    return frames, {k: v for k, v in keys.items() if v}, bool(force and is_gradient(force))


def _shaped(arrays: Mapping[str, np.ndarray], size: int) -> list[str]:
    return [name for name in label_keys(arrays, "forces") if np.asarray(arrays[name]).size == size]


def _text(value: Any) -> str:
    item = np.asarray(value).reshape(-1)[0]
    return item.decode() if isinstance(item, bytes) else str(item)
