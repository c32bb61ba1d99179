"""Rivals that need no network: a cheap level used as the method, as it is and with bond terms.

``mfbench evaluate --method mfbench_tasks.levels.rivals:Gfn2BondTerms --split levels``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.methods.bond_terms import BondTerms, fit_bond_terms
from mfbench.protocol.energy_baseline import correction_operator
from mfbench.protocol.protocol import Budget
from mfbench_tasks.labelling.level import Level
from mfbench_tasks.labelling.registry import find_level

__all__ = ["CheapLevel", "CheapLevelWithBondTerms", "Gfn1", "Gfn1BondTerms", "Gfn2", "Gfn2BondTerms"]


class _Cached:
    """A level's labels, each computed once: episodes ask for the same configurations again."""

    def __init__(self, level: Level):
        self._level = level
        self._known: dict[tuple[bytes, bytes, int, int], Prediction] = {}

    def __call__(self, c: Configuration) -> Prediction:
        key = (c.atomic_numbers.tobytes(), np.asarray(c.positions).tobytes(), c.total_charge, c.n_unpaired)
        if key not in self._known:
            engine = self._level.engine(c.atomic_numbers, c.total_charge, c.n_unpaired)
            label = engine.label(c.positions)
            self._known[key] = Prediction(label.energy, label.forces)
        return self._known[key]


class CheapLevel:
    """A level used as the method: forces as they come, energies with the closed-form correction.

    Args:
        level: name of the level.
        bond_terms: whether forces are corrected by bond and 1-3 terms fitted to the support.
    """

    bond_terms = False

    def __init__(self, level: str):
        self.name = level + ("-bond-terms" if self.bond_terms else "")
        self._run = _Cached(find_level(level))

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CheapPredictor:
        """No gradient steps: at most two linear solves."""
        base = [self._run(c) for c in support]
        terms = BondTerms({}, {})
        if self.bond_terms and support:
            left = [c.forces - p.forces for c, p in zip(support, base, strict=True)]
            terms = fit_bond_terms(support, left)
        added = terms.predict(support)
        energies = np.array([c.energy for c in support], dtype=float)
        cheap, bonded = (np.array([p.energy for p in found], dtype=float) for found in (base, added))
        return CheapPredictor(self._run, terms, tuple(support), energies - cheap - bonded)


class CheapLevelWithBondTerms(CheapLevel):
    """As ``CheapLevel``, with bond terms."""

    bond_terms = True


@dataclass(frozen=True, eq=False)
class CheapPredictor:
    """Attributes: run: the level; terms: of forces; support and residuals [K] (eV): of energies."""

    run: _Cached
    terms: BondTerms
    support: tuple[Configuration, ...]
    residuals: np.ndarray

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies in eV, forces in eV/Å."""
        shift = correction_operator(self.support, configurations) @ self.residuals
        found = [self.run(c) for c in configurations]
        added = self.terms.predict(configurations)
        return [
            Prediction(p.energy + t.energy + s, p.forces + t.forces)
            for p, t, s in zip(found, added, shift, strict=True)
        ]


class Gfn2(CheapLevel):
    """GFN2-xTB used as a method."""

    def __init__(self) -> None:
        super().__init__("gfn2")


class Gfn1(CheapLevel):
    """GFN1-xTB used as a method."""

    def __init__(self) -> None:
        super().__init__("gfn1")


class Gfn2BondTerms(CheapLevelWithBondTerms):
    """GFN2-xTB with bond and 1-3 terms from the support."""

    def __init__(self) -> None:
        super().__init__("gfn2")


class Gfn1BondTerms(CheapLevelWithBondTerms):
    """GFN1-xTB with bond and 1-3 terms from the support."""

    def __init__(self) -> None:
        super().__init__("gfn1")
