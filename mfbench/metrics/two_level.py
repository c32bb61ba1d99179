"""How sure a mean over families and over seeds is: standard errors and resampling, both levels at once.

Values are [seeds, families], one seed where nothing is trained. Families move in groups; groups and seeds
are crossed, so each is resampled on its own (Owen 2007, doi:10.1214/07-AOAS122). A bootstrap of few seeds
knows too little of their spread, by (S − 1) / S in variance: seed effects are widened by that first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mfbench.metrics.student_t import upper_quantile

__all__ = ["Sums", "percentile_interval", "studentised_interval", "sums_of"]

FEW_GROUPS = 10
"""Below, resampled errors may come near zero, and a bootstrap of the pivot is worse than Student's t."""
SMALLEST_ERROR = 0.5
"""Share of the error below which that of a resampled table is not believed: tests/core/test_coverage.py has
what intervals hold with it, and that one family that differs makes none endless."""
_LEVELS = [2.5, 97.5]


@dataclass(frozen=True, eq=False)
class Sums:
    """Values summed over the families of each group.

    Attributes:
        values: [..., S, G].
        counts: [..., G] families of each group.
    """

    values: np.ndarray
    counts: np.ndarray

    @property
    def per_seed(self) -> np.ndarray:
        """[..., S] mean over families."""
        found: np.ndarray = self.values.sum(-1) / self.counts.sum(-1)[..., None]
        return found

    @property
    def mean(self) -> np.ndarray:
        """[...] over seeds and families."""
        return np.asarray(self.per_seed.mean(-1))

    def variances(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[...] of the mean: what families, what seeds, and what neither explains contribute."""
        (seeds, groups), total = self.values.shape[-2:], self.counts.sum(-1)
        left = self.values - self.counts[..., None, :] * self.per_seed[..., None]
        shared = left.mean(-2)
        share = groups / max(groups - 1, 1) / total**2
        families = share * (shared**2).sum(-1)
        if seeds < 2:
            return families, 0.0 * families, 0.0 * families
        of_seeds = self.per_seed.var(-1, ddof=1) / seeds
        rest = ((left - shared[..., None, :]) ** 2).sum((-1, -2)) * share / (seeds * (seeds - 1))
        return families, of_seeds, rest

    def error(self) -> np.ndarray:
        """[...] standard error of the mean. What neither explains is in both others, once too often."""
        families, seeds, rest = self.variances()
        both = np.maximum(families + seeds - rest, np.maximum(families, seeds))
        return np.asarray(np.sqrt(both))

    def freedom(self) -> float:
        """Degrees of freedom of that (Satterthwaite)."""
        families, seeds, _ = (float(v) for v in self.variances())
        parts = families**2 / max(self.values.shape[-1] - 1, 1)
        parts += seeds**2 / max(self.values.shape[-2] - 1, 1)
        return (families + seeds) ** 2 / parts if parts else 1.0

    def resampled(self, count: int, seed: int) -> Sums:
        """[count, S, G] whole groups and whole seeds drawn with replacement."""
        drawn, trained = _drawn(*self.values.shape, count, seed)
        if len(self.values) == 1:
            return Sums(self.values[:, drawn].transpose(1, 0, 2), self.counts[drawn])
        return Sums(self.values[trained[:, :, None], drawn[:, None]], self.counts[drawn])


@lru_cache(maxsize=32)
def _drawn(seeds: int, groups: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """[count, groups] and [count, seeds] numbers of what is drawn; many means share them."""
    rng = np.random.default_rng(seed)
    return rng.integers(groups, size=(count, groups)), rng.integers(seeds, size=(count, seeds))


def sums_of(values: np.ndarray, groups: np.ndarray) -> Sums:
    """Of values [S, families], with the group of each family."""
    _, codes = np.unique(groups, return_inverse=True)
    counts = np.bincount(codes)
    return Sums(np.array([np.bincount(codes, weights=row) for row in values]), counts)


def percentile_interval(sums: Sums, count: int, seed: int) -> tuple[float, float]:
    """95 %: quantiles of resampled means. For many groups."""
    seeds = sums.values.shape[0]
    if seeds > 1:
        away = (np.sqrt(seeds / (seeds - 1)) - 1) * (sums.per_seed - sums.mean)
        sums = Sums(sums.values + away[:, None] * sums.counts, sums.counts)
    lo, hi = np.percentile(sums.resampled(count, seed).mean, _LEVELS)
    return float(lo), float(hi)


def studentised_interval(sums: Sums, count: int, seed: int) -> tuple[float, float]:
    """95 %: the mean less quantiles of (resampled mean − mean) / its own error, times the error. For few
    groups, whose spread is known badly; below ``FEW_GROUPS`` with the quantiles of Student's t."""
    mean, error = float(sums.mean), float(sums.error())
    if sums.values.shape[-1] < FEW_GROUPS or error == 0.0:
        half = upper_quantile(0.975, sums.freedom()) * error
        return mean - half, mean + half
    again = sums.resampled(count, seed)
    # A draw that misses the one family that differs has next to no error of its own, and would make the
    # interval as wide as one likes.
    pivots = (again.mean - mean) / np.maximum(again.error(), SMALLEST_ERROR * error)
    low, high = np.percentile(pivots, _LEVELS)
    return float(mean - high * error), float(mean - low * error)
