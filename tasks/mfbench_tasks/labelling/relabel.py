"""Re-labelling: are the labels of a split what their level of theory gives here and now?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench_tasks.labelling.level import ENERGY_TOLERANCE, FORCE_TOLERANCE
from mfbench_tasks.labelling.registry import find_level

__all__ = ["ENERGY_TOLERANCE", "FORCE_TOLERANCE", "Agreement", "relabel"]

_DEAR = 2
"""Labels again of a level that takes many seconds for one."""


@dataclass(frozen=True)
class Agreement:
    """How well fresh labels agree with stored ones.

    Attributes:
        checked: configurations labelled again.
        energy: largest difference, eV.
        forces: largest difference of a component, eV/Å.
        worst: config id of the largest difference relative to its tolerance.
        energy_tolerance, force_tolerance: eV and eV/Å, of the level.
    """

    checked: int
    energy: float
    forces: float
    worst: str
    energy_tolerance: float = ENERGY_TOLERANCE
    force_tolerance: float = FORCE_TOLERANCE

    @property
    def ok(self) -> bool:
        """Whether both differences are within tolerance."""
        return self.energy <= self.energy_tolerance and self.forces <= self.force_tolerance


def relabel(
    configurations: Sequence[Configuration], count: int, seed: int = 0, level: str = "gfn2"
) -> Agreement:
    """Label ``count`` random configurations again and compare; of a level whose labels are dear, two of
    the smallest molecules.

    Args:
        configurations: with labels of the level, on its own energy zero.
        level: its name.

    Raises:
        ScfFailure: one does not converge here.
        LevelError: the level cannot run here.
    """
    theory = find_level(level)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(configurations)).tolist()
    if theory.dear:  # random among equals
        chosen.sort(key=lambda i: len(configurations[i]))
    chosen = chosen[: min(count, _DEAR) if theory.dear else count]
    energy = forces = worst_excess = 0.0
    worst = ""
    for index in chosen:
        c = configurations[index]
        label = theory.engine(c.atomic_numbers, c.total_charge, c.n_unpaired).label(c.positions)
        off_energy = abs(label.energy - c.energy)
        off_forces = float(np.abs(label.forces - c.forces).max())
        excess = max(off_energy / theory.energy_tolerance, off_forces / theory.force_tolerance)
        if excess > worst_excess:
            worst, worst_excess = c.config_id, excess
        energy, forces = max(energy, off_energy), max(forces, off_forces)
    return Agreement(len(chosen), energy, forces, worst, theory.energy_tolerance, theory.force_tolerance)
