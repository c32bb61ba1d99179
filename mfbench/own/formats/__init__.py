"""Reading labelled structures: extended XYZ, ASE databases, NumPy archives, SPICE-style HDF5."""

from __future__ import annotations

from pathlib import Path

from mfbench.errors import DataError
from mfbench.own.formats.arrays import read_npz
from mfbench.own.formats.ase_files import read_ase
from mfbench.own.formats.hdf5 import read_hdf5
from mfbench.own.frames import Frames

__all__ = ["read_frames"]

_READERS = {".npz": read_npz, ".h5": read_hdf5, ".hdf5": read_hdf5}


def read_frames(
    path: str | Path, *, energy_key: str | None = None, forces_key: str | None = None
) -> Frames:
    """Structures and labels of a file, as they are: no unit is guessed here.

    Args:
        path: extended XYZ, ASE database or whatever else ASE reads; ``.npz`` (sGDML's names);
            ``.h5``/``.hdf5`` (SPICE's layout).
        energy_key, forces_key: names to read where the file has several, or unusual ones.

    Raises:
        DataError: not there, not readable, empty, or ambiguous keys.
        UnknownNameError: the format needs a package that is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    reader = _READERS.get(path.suffix.lower(), read_ase)
    return reader(path, energy_key=energy_key, forces_key=forces_key)
