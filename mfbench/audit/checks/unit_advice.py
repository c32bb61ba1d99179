"""Which unit labels could be in where they are not in ours: told from what molecules are like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.units import ENERGY, FORCE, LENGTH, consistent

__all__ = ["energy_advice", "force_advice", "length_advice", "work_and_energy"]

_SHORTEST = (0.85, 1.35)
"""Å, the shortest bond of a molecule: X-H, or C=O and C=C where there is no hydrogen."""
_BINDING = (-8.0, -1.5)
"""eV per atom, of molecules, less isolated atoms."""
_FRAGMENTS = 300
_SLOPE = 0.1
"""Relative error of a slope over steps this long."""
_FOLLOWS = 0.9
"""Correlation from which forces are said to follow energies; labels of one level reach 0.96 and more."""
_NEAR = 0.25
"""Share of the pairs, the nearest, along which forces are followed."""


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


def work_and_energy(configurations: Sequence[Configuration]) -> tuple[np.ndarray, np.ndarray]:
    """Work of the mean force from one configuration of a fragment to its nearest, and the difference of
    their energies: [n] each, over the nearest quarter of all pairs. In one unit they are one number."""
    groups: dict[tuple[str, str], list[Configuration]] = defaultdict(list)
    for c in configurations:
        groups[c.fragment_id, c.trajectory_id].append(c)
    chosen = list(groups.values())[:: max(1, len(groups) // _FRAGMENTS)]
    found: list[tuple[float, float, float]] = []
    for group in chosen:
        x = np.array([c.positions for c in group])
        apart = np.linalg.norm(x[:, None] - x[None], axis=(-1, -2)) + 1e12 * np.eye(len(x))
        for i, j in enumerate(apart.argmin(axis=1).tolist()):
            if i == j:
                continue
            step, mean = x[j] - x[i], (group[i].forces + group[j].forces) / 2
            work = -float(np.sum(mean * step))
            found.append((float(apart[i, j]), work, group[j].energy - group[i].energy))
    rows = np.array(sorted(found)).reshape(-1, 3)
    near = rows[: max(10, int(_NEAR * len(rows)))]
    return near[:, 1], near[:, 2]


def _say(units: Iterable[tuple[str, float]]) -> str:
    found = [f"{unit} (multiply by {1 / factor:.6g})" for unit, factor in units if factor != 1.0]
    return f"; it looks like {' or '.join(found)}" if found else ""
