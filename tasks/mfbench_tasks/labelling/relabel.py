"""Re-labelling: are the labels of a split what the level of theory gives here and now?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench_tasks.labelling.tblite import Gfn2

__all__ = ["ENERGY_TOLERANCE", "FORCE_TOLERANCE", "Agreement", "relabel"]

ENERGY_TOLERANCE = 1e-5
"""eV. Another machine's linear algebra changes the last digits of an SCF."""
FORCE_TOLERANCE = 3e-4
"""eV/Å: the SCF's, plus the rounding of stored forces (1.2e-4)."""


@dataclass(frozen=True)
class Agreement:
    """How well fresh labels agree with stored ones.

    Attributes:
        checked: configurations labelled again.
        energy: largest difference, eV.
        forces: largest difference of a component, eV/Å.
        worst: config id of the largest difference relative to its tolerance.
    """

    checked: int
    energy: float
    forces: float
    worst: str

    @property
    def ok(self) -> bool:
        """Whether both differences are within tolerance."""
        return self.energy <= ENERGY_TOLERANCE and self.forces <= FORCE_TOLERANCE


def relabel(configurations: Sequence[Configuration], count: int, seed: int = 0) -> Agreement:
    """Label ``count`` random configurations again and compare.

    Raises:
        ScfFailure: one does not converge here.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(configurations))[:count]
    energy = forces = worst_excess = 0.0
    worst = ""
    for index in chosen:
        c = configurations[index]
        label = Gfn2(c.atomic_numbers, c.total_charge, c.n_unpaired).label(c.positions)
        off_energy = abs(label.energy - c.energy)
        off_forces = float(np.abs(label.forces - c.forces).max())
        excess = max(off_energy / ENERGY_TOLERANCE, off_forces / FORCE_TOLERANCE)
        if excess > worst_excess:
            worst, worst_excess = c.config_id, excess
        energy, forces = max(energy, off_energy), max(forces, off_forces)
    return Agreement(len(chosen), energy, forces, worst)
