"""Uncertainty over families: cluster bootstrap, ratios of two methods, and ranks that admit ties.

Families are the unit: draws of one family are averaged first, then every family counts once. Families
that share a 30 %-identity cluster are not independent, so the bootstrap resamples whole groups of them.
Where a method was trained with several seeds, seeds are resampled as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mfbench.metrics.student_t import two_sided, upper_quantile
from mfbench.metrics.two_level import percentile_interval, studentised_interval, sums_of

__all__ = [
    "MIN_FAMILIES_FOR_RANKS",
    "Interval",
    "RankRange",
    "bootstrap_mean",
    "bootstrap_means",
    "groups_of",
    "rank_ranges",
    "ranks",
    "ratio",
    "smallest_ratio",
]

N_RESAMPLES = 2000
MIN_FAMILIES_FOR_RANKS = 10
"""Below this many test families the points are shown and no ranks are given."""
FEW = 15
"""Below this many independent groups a percentile interval is too narrow: of six, it holds the truth in
less than 90 % of cases (tests/core/test_coverage.py)."""
POWER = 0.8
"""Of the smallest difference that a table can show."""


class Interval(NamedTuple):
    """A value with its 95 % interval; the bounds are NaN where there is one independent group."""

    value: float
    lo: float
    hi: float

    def within(self, least: float, most: float) -> Interval:
        """With bounds that no such mean can pass; NaN stays."""
        return Interval(self.value, max(self.lo, least), min(self.hi, most))


class RankRange(NamedTuple):
    """Places that the data leave open to a method: 1 + those that are significantly better, up to all but
    those that are significantly worse. Two methods whose ranges do not overlap are told apart."""

    best: int
    worst: int

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}–{self.worst}"


def groups_of(clusters: Sequence[Sequence[str]]) -> np.ndarray:
    """[n] group of each family: families linked by a chain of shared clusters get the same number."""
    group = list(range(len(clusters)))

    def root(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    first: dict[str, int] = {}
    for i, names in enumerate(clusters):
        for name in names:
            group[root(i)] = root(first.setdefault(name, i))
    _, codes = np.unique([root(i) for i in range(len(clusters))], return_inverse=True)
    return codes


def bootstrap_mean(
    values: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    least: float = -np.inf,
    most: float = np.inf,
) -> Interval:
    """Mean over families with its 95 % interval.

    Args:
        values: [n], one value per family; or [S, n], one per seed and family: then seeds are drawn too.
        groups: [n] families that move together.
        least: what the mean cannot be below: 0 for errors.
        most: what it cannot be above: 1 for shares.

    Below ``FEW`` groups the interval is studentised, from there on it holds quantiles of resampled means.
    """
    table = np.atleast_2d(values)[None]
    (found,) = bootstrap_means(table, groups, n_resamples=n_resamples, seed=seed)
    return found.within(least, most)


def bootstrap_means(
    tables: np.ndarray, groups: np.ndarray, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> list[Interval]:
    """``bootstrap_mean`` of many tables of the same families, [M, S, n], in one pass."""
    values = [float(np.mean(table)) for table in tables]
    independent = len(np.unique(groups))
    if independent < 2:
        return [Interval(value, float("nan"), float("nan")) for value in values]
    interval = studentised_interval if independent < FEW else percentile_interval
    bounds = interval(sums_of(tables, groups), n_resamples, seed)
    each = zip(values, *(bound.tolist() for bound in bounds), strict=True)
    return [Interval(*found) for found in each]


def ratio(
    numerator: np.ndarray,
    denominator: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Geometric mean of the ratios of two methods' errors, positive: [n] each, or [S, n] where they have
    seeds."""
    logs = bootstrap_mean(
        np.log(numerator) - np.log(denominator), groups, n_resamples=n_resamples, seed=seed
    )
    return Interval(*(float(x) for x in np.exp(logs)))


def smallest_ratio(numerator: np.ndarray, denominator: np.ndarray, groups: np.ndarray) -> float:
    """The smallest true ratio of two methods' errors that such a table shows in four of five cases.

    Above 1; ``inf`` where there is one independent group. Arguments as for ``ratio``. It depends on the
    spread of the ratios over families and seeds, not on their mean.
    """
    if len(np.unique(groups)) < 2:
        return float("inf")
    sums = sums_of(np.atleast_2d(np.log(numerator) - np.log(denominator)), groups)
    freedom = float(sums.freedom())
    quantiles = upper_quantile(0.975, freedom) + upper_quantile(POWER, freedom)
    return float(np.exp(quantiles * sums.error()))


def ranks(
    errors: np.ndarray, groups: np.ndarray, *, level: float = 0.05, seed: int = 0
) -> list[int] | None:
    """Rank of each method: 1 + number of methods that are significantly better.

    Arguments as those of ``rank_ranges``.

    Returns:
        One rank per method, tied methods sharing one, or None under ten families.
    """
    found = rank_ranges(errors, groups, level=level, seed=seed)
    return None if found is None else [place.best for place in found]


def rank_ranges(
    errors: np.ndarray, groups: np.ndarray, *, level: float = 0.05, seed: int = 0
) -> list[RankRange] | None:
    """Range of ranks of each method, from all pairs that are told apart.

    Args:
        errors: [n_methods, n_families], positive, smaller is better.
        groups: [n_families] families that move together.
        level: family-wise error rate over all pairs (Holm's step-down rule).

    Returns:
        One range per method, or None under ten families.
    """
    n_methods, n_families = errors.shape
    if n_families < MIN_FAMILIES_FOR_RANKS:
        return None
    logs = np.log(errors)
    pairs = list(itertools.combinations(range(n_methods), 2))
    p_values = [_p_value(logs[i] - logs[j], groups, seed) for i, j in pairs]
    best, worst = [1] * n_methods, [n_methods] * n_methods
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] > level / (len(pairs) - step):
            break
        better, worse = pairs[index]
        if logs[better].mean() > logs[worse].mean():
            better, worse = worse, better
        best[worse] += 1
        worst[better] -= 1
    return [RankRange(*places) for places in zip(best, worst, strict=True)]


def _p_value(differences: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """Two-sided: the share of resampled means on the other side of zero, doubled; below ``FEW`` groups,
    where that share is too small, by Student's t."""
    independent = len(np.unique(groups))
    if independent < 2:
        return 1.0
    sums = sums_of(differences[None], groups)
    if independent < FEW:
        mean, error = abs(float(sums.mean)), float(sums.error())
        if error == 0.0:
            return float(mean == 0.0)
        return float(two_sided(np.array([mean / error]), float(sums.freedom()))[0])
    # Holm divides the level by the number of pairs, so the tail must be resolved finely.
    means, _ = sums.resampled(9999, seed)
    tail = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    return min(1.0, 2 * (tail + 1) / (len(means) + 1))
