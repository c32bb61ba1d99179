"""Biased surfaces: on the reaction coordinate, and against an attack from aside."""

from __future__ import annotations

import numpy as np

from mfbench_tasks.labelling.tblite import Gfn2, Label
from mfbench_tasks.reaction.coordinate import Coordinate
from mfbench_tasks.reaction.system import System

__all__ = ["Biased"]


_BEND = 0.25
"""Å that a path leaving-centre-entering may exceed the straight line: some 140 degrees before it costs."""


class Biased:
    """As ``Gfn2``, with ½ k (q − target)² on top, and a wall that keeps the attack in line:
    ½ k max(0, |ab| + |bc| − |ac| − 0.25 Å)² for each leaving atom a, centre b and entering atom c.
    Labels never pass through it.

    Args:
        engine: GFN2 of the system.
        system: its coordinate q and its in-line attacks.
        target: Å.
        stiffness: k in eV/Å².
    """

    def __init__(self, engine: Gfn2, system: System, target: float, stiffness: float):
        self._engine, self._system = engine, system
        self._target, self._stiffness = target, stiffness

    def warm_label(self, positions: np.ndarray) -> Label:
        """Biased energy in eV and forces [n, 3] in eV/Å at positions [n, 3] (Å).

        Raises:
            ScfFailure: no convergence.
        """
        energy, forces, _ = self._engine.warm_label(positions)
        coordinate = self._system.coordinate
        terms = [(coordinate.value(positions) - self._target, coordinate.gradient(positions))]
        for a, b, c in self._system.inline:
            detour = Coordinate(np.array([[a, b], [b, c]]), np.array([[a, c]]))
            excess = max(0.0, detour.value(positions) - _BEND)
            terms.append((excess, detour.gradient(positions)))
        for excess, gradient in terms:
            energy += 0.5 * self._stiffness * excess**2
            forces = forces - self._stiffness * excess * gradient
        return Label(energy, forces)

    def start_cold(self) -> None:
        """Let the next ``warm_label`` start cold."""
        self._engine.start_cold()
