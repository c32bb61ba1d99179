"""Rivals that need no network: a cheap level used as the method, as it is and with bond terms.

``mfbench evaluate --method gfn2-bond-terms --split levels``. They compute the level at what is asked for,
so they run on the open track.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.data.split import Split
from mfbench.learned.base_level import BaseLevel
from mfbench.methods.bond_terms import BondTerms, fit_bond_terms
from mfbench.protocol.correction_prior import CorrectionPrior, prior_of
from mfbench.protocol.energy_baseline import EnergyBaseline, correction_operator, fit_zero
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget
from mfbench_tasks.labelling.registry import find_level

__all__ = ["CheapLevel", "CheapPredictor", "gfn1", "gfn1_bond_terms", "gfn2", "gfn2_bond_terms"]

_N_REFERENCE = 200
"""Meta-train configurations that the energy zero is fitted on where a split does not state it."""


class _LevelOnScale:
    """A level's labels on a split's energy scale; where the split does not state it, linear in elements and
    charge, fitted to labels of meta-train."""

    def __init__(self, name: str, split: Split):
        self._level = BaseLevel(name, split)
        self._zero = EnergyBaseline({})
        stated = name in split.manifest.energy_shifts
        pool = split.train_configurations
        if stated or not pool or split.manifest.level_of_theory == find_level(name).description:
            return
        chosen = pool[:: -(-len(pool) // _N_REFERENCE)]
        left = [c.label[0] - p.energy for c, p in zip(chosen, self._level(chosen), strict=True)]
        self._zero = fit_zero(chosen, np.array(left))

    def __call__(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies (eV) and forces (eV/Å); configurations may be blind."""
        zeros = self._zero.energies(configurations)
        found = self._level(configurations)
        return [Prediction(p.energy + float(z), p.forces) for p, z in zip(found, zeros, strict=True)]


@dataclass(eq=False)
class CheapLevel:
    """A level used as the method: forces as they come, energies with the closed-form correction.

    Attributes:
        level: its name.
        split: whose energy scale and prior of the correction it takes.
        bond_terms: whether forces are corrected by bond and 1-3 terms fitted to the support.
    """

    level: str
    split: Split
    bond_terms: bool = False
    name: str = field(init=False)
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Find the level and its energy zero.

        Raises:
            LevelError: the level cannot run here.
        """
        self.name = self.level + ("-bond-terms" if self.bond_terms else "")
        self.card = {"method": self.name, "level": find_level(self.level).description}
        self._run, self._prior = _LevelOnScale(self.level, self.split), prior_of(self.split)

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CheapPredictor:
        """No gradient steps: at most two linear solves."""
        base = self._run(support)
        terms = BondTerms({}, {})
        if self.bond_terms and support:
            left = [c.label[1] - p.forces for c, p in zip(support, base, strict=True)]
            terms = fit_bond_terms(support, left)
        added = terms.predict(support)
        energies = np.array([c.label[0] for c in support], dtype=float)
        cheap, bonded = (np.array([p.energy for p in found], dtype=float) for found in (base, added))
        return CheapPredictor(self._run, terms, tuple(support), energies - cheap - bonded, self._prior)


@dataclass(frozen=True, eq=False)
class CheapPredictor:
    """A cheap level with what the support says.

    Attributes:
        run: the level.
        terms: of forces.
        support, residuals, prior: of the energy correction; [K] eV.
    """

    run: Callable[[Sequence[Configuration]], list[Prediction]]
    terms: BondTerms
    support: tuple[Configuration, ...]
    residuals: np.ndarray
    prior: CorrectionPrior

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies in eV, forces in eV/Å."""
        shift = correction_operator(self.support, configurations, prior=self.prior) @ self.residuals
        found, added = self.run(configurations), self.terms.predict(configurations)
        return [
            Prediction(p.energy + t.energy + s, p.forces + t.forces)
            for p, t, s in zip(found, added, shift, strict=True)
        ]


def _made(level: str, bond_terms: bool, context: MethodContext) -> CheapLevel:
    return CheapLevel(level, context.split, bond_terms)


gfn1 = partial(_made, "gfn1", False)
gfn2 = partial(_made, "gfn2", False)
gfn1_bond_terms = partial(_made, "gfn1", True)
gfn2_bond_terms = partial(_made, "gfn2", True)
