"""Molecules from a file of structures: extxyz, PDB, ASE database, whatever ASE reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import DataError

__all__ = ["read_structures"]

_CHARGE = ("total_charge", "charge", "Charge")
_UNPAIRED = ("n_unpaired", "uhf", "unpaired")
_MULTIPLICITY = ("multiplicity", "spin", "spin_multiplicity")


def read_structures(
    path: Path, *, total_charge: int | None = None, n_unpaired: int | None = None
) -> list[Configuration]:
    """Every structure of a file, in its order, named by its number: "0", "1", …

    Args:
        total_charge, n_unpaired: of all structures. Default: what the file says (``total_charge`` or
            ``charge``; ``n_unpaired``, or ``spin`` or ``multiplicity``, which count 2S + 1, or else the sum
            of the atoms' initial magnetic moments), else 0.

    Raises:
        DataError: the file is missing, cannot be read, holds no structure, or a periodic one.
    """
    import ase.io
    from ase.io.formats import UnknownFileTypeError

    if not Path(path).is_file():
        raise DataError(f"{path} is missing")
    try:
        frames = _rows(path) if Path(path).suffix == ".db" else ase.io.read(path, index=":")
    except UnknownFileTypeError:
        raise DataError(
            f"{path} is of a type that cannot be told from its name: use .xyz, .pdb or .db"
        ) from None
    except Exception as error:  # ASE's readers raise whatever they stumble on
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"{path} cannot be read as structures ({reason[0][:120]})") from None
    if not frames:
        raise DataError(f"{path} holds no structure")
    return [_configuration(i, atoms, total_charge, n_unpaired, path) for i, atoms in enumerate(frames)]


def _rows(path: Path) -> list[Any]:
    """The rows of an ASE database, with what they say beside their atoms."""
    from ase.db import connect

    with connect(path) as database:
        return [row.toatoms(add_additional_information=True) for row in database.select()]


def _configuration(
    number: int, atoms: Any, total_charge: int | None, n_unpaired: int | None, path: Path
) -> Configuration:
    if not len(atoms):
        raise DataError(f"structure {number} of {path} has no atoms")
    if np.any(atoms.pbc) and not str(path).endswith(".pdb"):
        raise DataError(f"structure {number} of {path} is periodic: levels label isolated molecules")
    said = {**atoms.info.get("data", {}), **atoms.info.get("key_value_pairs", {}), **atoms.info}
    charge = total_charge if total_charge is not None else _whole(said, _CHARGE, number, path)
    unpaired = n_unpaired if n_unpaired is not None else _whole(said, _UNPAIRED, number, path)
    if unpaired is None:
        multiplicity = _whole(said, _MULTIPLICITY, number, path)
        unpaired = multiplicity - 1 if multiplicity else _by_moments(atoms)
    return Configuration(
        atomic_numbers=np.asarray(atoms.numbers, np.int32),
        positions=np.asarray(atoms.positions, float),
        total_charge=charge or 0,
        n_unpaired=unpaired,
        config_id=str(number),
        fragment_id=str(said.get("fragment_id", "")),
        trajectory_id=str(said.get("trajectory_id", "")),
    )


def _by_moments(atoms: Any) -> int:
    """Unpaired electrons as ASE has them: O2 from its collection of molecules bears one on each atom."""
    return round(abs(float(np.sum(atoms.get_initial_magnetic_moments()))))


def _whole(said: dict[str, Any], names: tuple[str, ...], number: int, path: Path) -> int | None:
    for name in names:
        if name in said:
            try:
                value = float(said[name])
            except (TypeError, ValueError):
                value = float("nan")
            if value != round(value) if np.isfinite(value) else True:
                raise DataError(f"structure {number} of {path}: {name}={said[name]} is no whole number")
            return int(value)
    return None
