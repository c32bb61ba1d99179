"""Ranks that admit ties, for any number of methods.

Up to twenty methods, ``mfbench.metrics.statistics.ranks`` resamples families. Among more, Holm's rule
divides the
level by so many pairs that ten thousand resamples cannot resolve it; there a cluster-robust t-test on the
same log-ratios takes their place, with one degree of freedom less than there are independent groups.
"""

from __future__ import annotations

import numpy as np

from mfbench.metrics.statistics import MIN_FAMILIES_FOR_RANKS, ranks
from mfbench.metrics.student_t import two_sided

__all__ = ["rank_methods"]

_RESAMPLED = 20


def rank_methods(errors: np.ndarray, groups: np.ndarray, *, level: float = 0.05) -> list[int] | None:
    """Rank = 1 + number of methods that are significantly better.

    Args:
        errors: [n_methods, n_families], positive and finite, smaller is better.
        groups: [n_families] families that move together.
        level: family-wise error rate (Holm).

    Returns:
        One rank a method, or None under ten families.
    """
    if errors.shape[1] < MIN_FAMILIES_FOR_RANKS or len(errors) == 0:
        return None
    if len(errors) <= _RESAMPLED:
        return ranks(errors, groups, level=level)
    logs = np.log(errors)
    means = logs.mean(axis=1)
    t, freedom = _t_statistics(logs - means[:, None], means, groups)
    i, j = np.triu_indices(len(errors), k=1)
    p = two_sided(np.abs(t[i, j]), freedom)
    order = np.argsort(p, kind="stable")
    passed = p[order] <= level / (len(p) - np.arange(len(p)))
    significant = order[: len(p) if passed.all() else int(np.argmin(passed))]
    worse = np.where(means[i] > means[j], i, j)[significant]
    return (1 + np.bincount(worse, minlength=len(errors))).tolist()


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
