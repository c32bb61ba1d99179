"""Electron counting: charge and unpaired electrons must fit the atoms."""

from __future__ import annotations

import numpy as np

__all__ = ["n_electrons", "spin_is_possible"]


def n_electrons(atomic_numbers: np.ndarray, total_charge: int) -> int:
    """Number of electrons."""
    return int(np.sum(atomic_numbers)) - int(total_charge)


def spin_is_possible(atomic_numbers: np.ndarray, total_charge: int, n_unpaired: int) -> bool:
    """Whether that many unpaired electrons leave the others in pairs."""
    electrons = n_electrons(atomic_numbers, total_charge)
    return 0 <= n_unpaired <= electrons and (electrons - n_unpaired) % 2 == 0
