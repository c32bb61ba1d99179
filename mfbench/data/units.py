"""Units of energy, length and force in the field, by their exact factors to eV and Å (CODATA 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL

__all__ = [
    "CONVERTED_TWICE",
    "ENERGY",
    "FORCE",
    "FORCE_CONVERTED_TWICE",
    "LENGTH",
    "advice",
    "believed",
    "consistent",
]

_HARTREE = 27.211386245988  # eV
_BOHR = 0.529177210903  # Å
ENERGY = {
    "eV": 1.0,
    "kcal/mol": EV_TO_KCAL_MOL,
    "kJ/mol": 4.184 * EV_TO_KCAL_MOL,
    "Hartree": 1 / _HARTREE,
    "Rydberg": 2 / _HARTREE,
    "meV": 1e3,
    "cm⁻¹": 8065.543937349212,
}
"""Unit → what one eV is in it."""
LENGTH = {"Å": 1.0, "Bohr": 1 / _BOHR, "nm": 0.1}
"""Unit → what one Å is in it."""
FORCE = {f"{e}/{x}": ENERGY[e] / LENGTH[x] for e, x in product(ENERGY, LENGTH)}
"""Unit → what one eV/Å is in it."""
CONVERTED_TWICE = {
    f"eV converted once more, as if from {e}": 1 / factor for e, factor in ENERGY.items() if e != "eV"
}
"""Mistake → what becomes of one eV that is taken for another unit."""
FORCE_CONVERTED_TWICE = {
    f"eV/Å converted once more, as if from {name}": 1 / FORCE[name]
    for name in ("kcal/mol/Å", "kJ/mol/Å", "Hartree/Bohr", "Hartree/Å", "eV/Bohr", "kJ/mol/nm", "meV/Å")
}
_SLACK = 0.03
"""Relative: what sampling leaves of a slope."""
_NEAR_ONE = ((1.6, 0.99), (3.0, 0.95), (np.inf, 0.8))
"""A factor this near to one needs this correlation: weak models shrink their predictions too."""


def consistent(
    slope: float, correlation: float, units: Mapping[str, float], *, slack: float = _SLACK
) -> list[str]:
    """The units in which values could be, the likeliest first; empty where none fits.

    Values that follow labels with noise have their factor as slope; values that are shrunk as an honest
    regression shrinks them have it as slope over r². The truth lies between.

    Args:
        slope: of values against labels, by least squares.
        correlation: of both; its sign does not matter.
        units: name → factor.
        slack: relative error of the slope.
    """
    r, size = abs(correlation), abs(slope)
    if r < 0.5 or not size:
        return []
    low, high = size * (1 - slack), size / r**2 * (1 + slack)
    found = [name for name, factor in units.items() if low <= factor <= high]
    # Between the two, noise is likelier than shrinkage where the correlation is high.
    return sorted(found, key=lambda name: abs(np.log(units[name] / size)))


def believed(factor: float, correlation: float) -> bool:
    """Whether a correlation is high enough to call this factor a mistake of units."""
    if not 0.08 < factor < 5:
        return abs(correlation) >= 0.5
    away = max(factor, 1 / factor)
    return abs(correlation) >= next(least for bound, least in _NEAR_ONE if away < bound)


def advice(factor: float) -> str:
    """What to multiply with, to six digits and to twelve."""
    return f"Multiply them by {1 / factor:.6g} (to twelve digits {1 / factor:.12g})."
