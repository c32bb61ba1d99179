"""A correction of forces by bond and 1-3 terms, solved in closed form: what levels differ by, mostly.

Two levels of theory disagree first about how long and how stiff bonds and angles are. With
u = (r - r_t) / 0.1 Å for every pair of type t (two elements, one or two bonds apart; r_t is the mean over
the support) the correction is E = Σ_pairs a_t u + b_t u²/2, linear in a and b: a ridge fit to force
residuals. It needs no training and transfers to molecules that the support does not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.data.molecular_graph import bonds

__all__ = ["BondTerms", "fit_bond_terms"]

_SCALE = 0.1
"""Å: a bond's stretch at which both terms weigh alike."""
RIDGE = 0.3
"""Weight of the prior: (noise of a force in eV/Å × ``_SCALE`` ÷ spread of a coefficient in eV)²."""

PairType = tuple[int, int, int]
"""Two atomic numbers, the smaller first, and how many bonds lie between (1 or 2)."""


@dataclass(frozen=True)
class BondTerms:
    """Attributes: lengths: type → r_t in Å; coefficients: type → (a, b) in eV."""

    lengths: dict[PairType, float]
    coefficients: dict[PairType, tuple[float, float]]

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies (eV) and forces (eV/Å) of the correction; a type that the fit never saw adds none."""
        types = list(self.lengths)
        weights = np.array([x for t in types for x in self.coefficients[t]])
        out = []
        for c in configurations:
            energy, forces = _features(c, types, self.lengths)
            out.append(Prediction(float(energy @ weights), np.tensordot(forces, weights, 1)))
        return out


def fit_bond_terms(
    configurations: Sequence[Configuration], force_residuals: Sequence[np.ndarray], *, ridge: float = RIDGE
) -> BondTerms:
    """Fit to what is left of the forces.

    Args:
        configurations: of the support.
        force_residuals: per configuration [n, 3], eV/Å: label minus model.
        ridge: strength of the prior that there is no correction.
    """
    found: dict[PairType, list[float]] = {}
    for c in configurations:
        for kind, _, _, r in _pairs(c):
            found.setdefault(kind, []).append(r)
    types = sorted(found)
    lengths = {t: float(np.mean(found[t])) for t in types}
    gram, right = np.zeros((2 * len(types),) * 2), np.zeros(2 * len(types))
    for c, residual in zip(configurations, force_residuals, strict=True):
        design = _features(c, types, lengths)[1].reshape(-1, 2 * len(types))
        gram += design.T @ design
        right += design.T @ np.asarray(residual).ravel()
    weights = np.linalg.solve(gram + ridge / _SCALE**2 * np.eye(len(right)), right) if types else right
    pairs = weights.reshape(-1, 2)
    return BondTerms(lengths, {t: (float(a), float(b)) for t, (a, b) in zip(types, pairs, strict=True)})


def _features(
    c: Configuration, types: Sequence[PairType], lengths: dict[PairType, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Energy features [2 m] and force features [n, 3, 2 m] of m types."""
    place = {t: i for i, t in enumerate(types)}
    energy, forces = np.zeros(2 * len(types)), np.zeros((len(c), 3, 2 * len(types)))
    for kind, i, j, r in _pairs(c):
        at = place.get(kind)
        if at is None:
            continue
        u = (r - lengths[kind]) / _SCALE
        along = (c.positions[i] - c.positions[j]) / (r * _SCALE)
        energy[2 * at : 2 * at + 2] += u, u * u / 2
        for k, slope in enumerate((1.0, u)):
            forces[i, :, 2 * at + k] -= slope * along
            forces[j, :, 2 * at + k] += slope * along
    return energy, forces


def _pairs(c: Configuration) -> list[tuple[PairType, int, int, float]]:
    numbers = np.asarray(c.atomic_numbers)
    bonded = bonds(numbers, c.positions).astype(np.int64)
    out = []
    for i, j, apart in _neighbours(bonded.tobytes(), len(c)):
        a, b = sorted((int(numbers[i]), int(numbers[j])))
        out.append(((a, b, apart), i, j, float(np.linalg.norm(c.positions[i] - c.positions[j]))))
    return out


@lru_cache(maxsize=4096)
def _neighbours(pairs: bytes, n: int) -> tuple[tuple[int, int, int], ...]:
    """(i, j, bonds between) for pairs one and two bonds apart."""
    bonded = np.frombuffer(pairs, np.int64).reshape(-1, 2)
    near = np.zeros((n, n), dtype=bool)
    near[bonded[:, 0], bonded[:, 1]] = near[bonded[:, 1], bonded[:, 0]] = True
    second = (near @ near) & ~near
    upper = np.triu(np.ones((n, n), dtype=bool), 1)
    first = [(int(i), int(j), 1) for i, j in np.argwhere(near & upper)]
    return tuple(first + [(int(i), int(j), 2) for i, j in np.argwhere(second & upper)])
