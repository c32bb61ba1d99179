"""Which unit labels could be in where they are not in ours: told from what molecules are like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.units import ENERGY, FORCE, LENGTH, consistent
from mfbench.data.work_and_energy import work_and_energy

__all__ = ["energy_advice", "force_advice", "length_advice"]

_SHORTEST = (0.85, 1.35)
"""Å, the shortest bond of a molecule: X-H, or C=O and C=C where there is no hydrogen."""
_BINDING = (-8.0, -1.5)
"""eV per atom, of molecules, less isolated atoms."""
_SLOPE = 0.1
"""Relative error of a slope over steps this long."""
_FOLLOWS = 0.9
"""Correlation from which forces are said to follow energies; labels of one level reach 0.96 and more."""


def length_advice(shortest: float) -> str:
    """Of a shortest distance that is none in Å: in which unit it would be one, or nothing."""
    return _say((u, f) for u, f in LENGTH.items() if _SHORTEST[0] <= shortest / f <= _SHORTEST[1])


def energy_advice(energy: float, isolated_atoms: float, n_atoms: int) -> str:
    """Of a total energy that is none in eV: in which unit it would be one, or nothing.

    Args:
        energy: as labelled.
        isolated_atoms: sum of the isolated atoms' energies, eV.
        n_atoms: of the configuration.
    """
    return _say(
        (unit, factor)
        for unit, factor in ENERGY.items()
        if _BINDING[0] <= (energy / factor - isolated_atoms) / n_atoms <= _BINDING[1]
    )


def force_advice(configurations: Sequence[Configuration]) -> str:
    """Of forces that do not follow the energies: in which unit they would, or nothing."""
    work, energy = work_and_energy(configurations)
    if len(work) < 10 or not energy.any() or not work.any():
        return ""
    r = float(work @ energy / np.linalg.norm(work) / np.linalg.norm(energy))
    likely = consistent(float(work @ energy / (energy @ energy)), r, FORCE, slack=_SLOPE)
    if r < _FOLLOWS or not likely or "eV/Å" in likely:
        return ""
    return _say((unit, FORCE[unit]) for unit in likely)


def _say(units: Iterable[tuple[str, float]]) -> str:
    found = [f"{unit} (multiply by {1 / factor:.6g})" for unit, factor in units if factor != 1.0]
    return f"; it looks like {' or '.join(found)}" if found else ""
