"""How sure a mean over families and over seeds is: standard errors and resampling, both levels at once.

Values are [seeds, families], one seed where nothing is trained. Families move in groups; groups and seeds
are crossed, so each is resampled on its own (Owen 2007, doi:10.1214/07-AOAS122). A bootstrap of few seeds
knows too little of their spread, by (S − 1) / S in variance: seed effects are widened by that first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mfbench.metrics.student_t import upper_quantiles

__all__ = ["Sums", "percentile_interval", "studentised_interval", "sums_of"]

FEW_GROUPS = 10
"""Below, resampled errors may come near zero, and a bootstrap of the pivot is worse than Student's t."""
SMALLEST_ERROR = 0.5
"""Share of the error below which that of a resampled table is not believed: tests/core/test_coverage.py has
what intervals hold with it, and that one family that differs makes none endless."""
_LEVELS = [2.5, 97.5]


@dataclass(frozen=True, eq=False)
class Sums:
    """Values summed over the families of each group; many tables of the same families at once.

    Attributes:
        values: [..., S, G].
        counts: [G] families of each group; [count, G] where groups were drawn ``count`` times.
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

    def freedom(self) -> np.ndarray:
        """[...] degrees of freedom of that (Satterthwaite)."""
        families, seeds, _ = self.variances()
        parts = families**2 / max(self.values.shape[-1] - 1, 1)
        parts = parts + seeds**2 / max(self.values.shape[-2] - 1, 1)
        return np.where(parts > 0, (families + seeds) ** 2 / np.where(parts > 0, parts, 1.0), 1.0)

    def resampled(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """[..., count] means of whole groups and whole seeds drawn with replacement, and their errors."""
        if self.values.shape[-2] == 1:
            return self._resampled_groups(count, seed)
        drawn, trained = _drawn(*self.values.shape[-2:], count, seed)
        again = Sums(self.values[..., trained[:, :, None], drawn[:, None]], self.counts[drawn])
        return again.mean, again.error()

    def _resampled_groups(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of one seed, from how often each group is drawn: a product of matrices."""
        often, centre = _how_often(self.values.shape[-1], count, seed), self.mean[..., None]
        left, total = self.values[..., 0, :] - self.counts * centre, often @ self.counts
        shift = left @ often.T / total
        squares = (left**2) @ often.T - 2 * shift * ((left * self.counts) @ often.T)
        squares = np.maximum(squares + shift**2 * (often @ self.counts**2), 0.0)
        share = len(self.counts) / max(len(self.counts) - 1, 1)
        return centre + shift, np.sqrt(share * squares) / total


@lru_cache(maxsize=32)
def _drawn(seeds: int, groups: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """[count, groups] and [count, seeds] numbers of what is drawn; many means share them."""
    rng = np.random.default_rng(seed)
    return rng.integers(groups, size=(count, groups)), rng.integers(seeds, size=(count, seeds))


@lru_cache(maxsize=32)
def _how_often(groups: int, count: int, seed: int) -> np.ndarray:
    """[count, groups] times that each group is drawn."""
    drawn, _ = _drawn(1, groups, count, seed)
    return np.array([np.bincount(row, minlength=groups) for row in drawn], dtype=float)


def sums_of(values: np.ndarray, groups: np.ndarray) -> Sums:
    """Of values [..., S, families], with the group of each family."""
    _, codes = np.unique(groups, return_inverse=True)
    counts = np.bincount(codes)
    rows = values.reshape(-1, values.shape[-1])
    sums = np.array([np.bincount(codes, weights=row) for row in rows])
    return Sums(sums.reshape(*values.shape[:-1], len(counts)), counts)


def percentile_interval(sums: Sums, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """[...] bounds, 95 %: quantiles of resampled means. For many groups."""
    seeds = sums.values.shape[-2]
    if seeds > 1:
        away = (np.sqrt(seeds / (seeds - 1)) - 1) * (sums.per_seed - sums.mean[..., None])
        sums = Sums(sums.values + away[..., None] * sums.counts, sums.counts)
    low, high = np.percentile(sums.resampled(count, seed)[0], _LEVELS, axis=-1)
    return low, high


def studentised_interval(sums: Sums, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """[...] bounds, 95 %: the mean less quantiles of (resampled mean − mean) / its own error, times the
    error. For few groups, whose spread is known badly; below ``FEW_GROUPS`` with the quantiles of
    Student's t."""
    mean, error = sums.mean, sums.error()
    if sums.values.shape[-1] < FEW_GROUPS:
        half = error * upper_quantiles(0.975, sums.freedom())
        return mean - half, mean + half
    means, errors = sums.resampled(count, seed)
    # A draw that misses the one family that differs has next to no error of its own, and would make the
    # interval as wide as one likes.
    least = np.maximum(SMALLEST_ERROR * error, np.finfo(float).tiny)[..., None]
    pivots = (means - mean[..., None]) / np.maximum(errors, least)
    low, high = np.percentile(pivots, _LEVELS, axis=-1)
    spread = np.where(error > 0, error, 0.0)
    return mean - high * spread, mean - low * spread
