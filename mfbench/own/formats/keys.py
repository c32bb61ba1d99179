"""Which of a file's keys hold energies, forces, charges and spins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mfbench.errors import DataError

__all__ = ["CHARGE_KEYS", "SPIN_KEYS", "choose_key", "is_gradient", "label_keys", "unpaired_electrons"]

_PREFIXES = ("", "ref_", "dft_", "qm_", "target_", "total_", "dft_total_", "mp2_", "ccsd_")
_ENERGY = ("energy", "energies", "e", "toten", "formation_energy", "free_energy")
_FORCES = ("forces", "force", "f", "gradient", "gradients", "grad")
CHARGE_KEYS = ("total_charge", "charge", "net_charge", "q")
SPIN_KEYS = ("n_unpaired", "uhf", "spin", "multiplicity", "spin_multiplicity")


def label_keys(names: Iterable[str], what: str) -> list[str]:
    """Those of ``names`` that can hold ``what`` ("energy" or "forces"), in their order.

    ``REF_energy``, ``dft_energy``, ``energy_dft``, ``DFT-forces``, ``dft_total_gradient`` are all known.
    """
    words = _ENERGY if what == "energy" else _FORCES
    found = []
    for name in names:
        plain = name.lower().replace("-", "_").replace(" ", "_")
        flipped = "_".join(reversed(plain.split("_", 1))) if "_" in plain else plain
        if any(
            text == prefix + word for text in (plain, flipped) for prefix in _PREFIXES for word in words
        ):
            found.append(name)
    return found


def is_gradient(name: str) -> bool:
    """Whether a key's name says that it holds gradients, not forces."""
    return "grad" in name.lower()


def choose_key(found: Mapping[str, object], what: str, asked: str | None, path: object) -> str | None:
    """The key to read: the one that was asked for, or the only one, or several that say the same.

    Args:
        found: candidate key → its values over all frames (comparable arrays).
        what: ``energy`` or ``forces``, for the message.
        asked: name given by the user.
        path: file, for the message.

    Raises:
        DataError: the key that was asked for is not there, or several candidates disagree.
    """
    if asked is not None:
        if asked not in found:
            raise DataError(f"{path} has no {what} key '{asked}': it has {', '.join(found) or 'none'}")
        return asked
    names = list(found)
    if len(names) < 2:
        return names[0] if names else None
    first = found[names[0]]
    for name in names[1:]:
        sign = -1.0 if is_gradient(name) != is_gradient(names[0]) else 1.0
        if not _equal(first, found[name], sign):
            raise DataError(
                f"{path} has several {what} keys that disagree ({', '.join(names)}): "
                f"choose one with --{what}-key NAME"
            )
    return names[0]


def unpaired_electrons(key: str, value: float) -> int:
    """Unpaired electrons from a spin entry: ``n_unpaired`` and ``uhf`` count them, the others are 2S + 1.

    Raises:
        DataError: no such number of electrons.
    """
    counts = key.lower() in ("n_unpaired", "uhf")
    number = round(float(value)) if counts else round(float(value)) - 1
    if number < 0 or abs(float(value) - round(float(value))) > 1e-6:
        meaning = "unpaired electrons" if counts else "a multiplicity (2S + 1 ≥ 1)"
        raise DataError(f"{key} = {value:g} is not {meaning}: mend it, or give --unpaired N")
    return number


def _equal(one: object, other: object, sign: float) -> bool:
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    return a.shape == b.shape and bool(np.allclose(a, sign * b, rtol=1e-6, atol=1e-6, equal_nan=True))
