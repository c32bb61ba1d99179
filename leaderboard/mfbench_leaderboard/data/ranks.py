"""Ranges of ranks, for any number of methods.

Up to twenty methods, ``mfbench.metrics.statistics.rank_ranges`` resamples families. Among more, Holm's
rule divides the level by so many pairs that ten thousand resamples cannot resolve it; there a
cluster-robust t-test on the same log-ratios takes their place, with one degree of freedom less than there
are independent groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.metrics.statistics import MIN_FAMILIES_FOR_RANKS, RankRange, rank_ranges
from mfbench.metrics.student_t import two_sided

__all__ = ["rank_groups", "rank_methods"]

_RESAMPLED = 20


def rank_methods(errors: np.ndarray, groups: np.ndarray, *, level: float = 0.05) -> list[RankRange] | None:
    """From 1 + the number of methods that are significantly better, to all less those that are worse.

    Args:
        errors: [n_methods, n_families], positive and finite, smaller is better.
        groups: [n_families] families that move together.
        level: family-wise error rate (Holm).

    Returns:
        One range per method, or None under ten families.
    """
    if errors.shape[1] < MIN_FAMILIES_FOR_RANKS or len(errors) == 0:
        return None
    if len(errors) <= _RESAMPLED:
        return rank_ranges(errors, groups, level=level)
    logs = np.log(errors)
    means = logs.mean(axis=1)
    t, freedom = _t_statistics(logs - means[:, None], means, groups)
    i, j = np.triu_indices(len(errors), k=1)
    p = two_sided(np.abs(t[i, j]), freedom)
    order = np.argsort(p, kind="stable")
    passed = p[order] <= level / (len(p) - np.arange(len(p)))
    significant = order[: len(p) if passed.all() else int(np.argmin(passed))]
    worse = np.where(means[i] > means[j], i, j)[significant]
    better = np.where(means[i] > means[j], j, i)[significant]
    best = 1 + np.bincount(worse, minlength=len(errors))
    worst = len(errors) - np.bincount(better, minlength=len(errors))
    return [RankRange(*places) for places in zip(best.tolist(), worst.tolist(), strict=True)]


def rank_groups(ranks: Sequence[RankRange]) -> list[int]:
    """[n] number of each method's group, from 0: a new one begins where everyone before is told apart from
    everyone after."""
    order = sorted(range(len(ranks)), key=lambda i: ranks[i])
    found, group, worst = [0] * len(ranks), 0, 0
    for above, i in enumerate(order):
        if above and worst <= above < ranks[i].best:
            group += 1
        worst = max(worst, ranks[i].worst)
        found[i] = group
    return found


def _t_statistics(residuals: np.ndarray, means: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, int]:
    """[n, n] difference of means over its standard error, from sums over groups; degrees of freedom."""
    _, codes = np.unique(groups, return_inverse=True)
    n_groups = codes.max() + 1
    sums = residuals @ np.eye(n_groups)[codes]
    squares = np.einsum("mg,mg->m", sums, sums)
    variance = np.maximum(squares[:, None] + squares[None] - 2 * sums @ sums.T, 0)
    variance *= n_groups / max(n_groups - 1, 1) / residuals.shape[1] ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num((means[:, None] - means[None]) / np.sqrt(variance), nan=0.0)
    return t, max(n_groups - 1, 1)
