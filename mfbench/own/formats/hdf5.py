"""HDF5 in the layout of SPICE: a group per molecule, arrays over its conformations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mfbench.errors import DataError, UnknownNameError
from mfbench.own.formats.arrays import frames_of_arrays
from mfbench.own.frames import Frame, Frames

__all__ = ["read_hdf5"]

_DECLARED = {"energy": "dft_total_energy", "forces": "dft_total_gradient", "length": "conformations"}


def read_hdf5(path: Path, *, energy_key: str | None = None, forces_key: str | None = None) -> Frames:
    """Frames of all groups; units that a dataset declares in its ``units`` attribute are kept.

    Raises:
        DataError: it cannot be read, holds no molecule, or keys are ambiguous.
        UnknownNameError: h5py is not installed.
    """
    try:
        import h5py
    except ModuleNotFoundError:
        raise UnknownNameError(
            "reading HDF5 needs h5py, which is not installed (pip install h5py)"
        ) from None
    frames: list[Frame] = []
    keys: dict[str, str] = {}
    units: dict[str, str] = {}
    gradients = False
    try:
        with h5py.File(path, "r") as file:
            for name in file:
                group = file[name]
                if not isinstance(group, h5py.Group):
                    raise DataError(f"{path}: '{name}' is no group: wanted a group per molecule")
                arrays = {
                    key: np.asarray(item)
                    for key, item in group.items()
                    if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu"
                }
                found, keys, gradients = frames_of_arrays(arrays, path, energy_key, forces_key, name)
                frames += found
                for what, key in {**_DECLARED, **keys}.items():
                    unit = group[key].attrs.get("units") if key in group else None
                    if unit is not None:
                        units[what] = unit.decode() if isinstance(unit, bytes) else str(unit)
    except OSError as error:
        raise DataError(f"{path} cannot be read as HDF5: {error}") from None
    if not frames:
        raise DataError(f"{path} holds no molecule: wanted a group per molecule")
    return Frames(path, tuple(frames), keys, gradients, units)
