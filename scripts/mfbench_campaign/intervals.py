"""Intervals over families, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mfbench.metrics.statistics import N_RESAMPLES, Interval, bootstrap_mean, ratio

__all__ = ["family_mean", "family_ratio", "gap", "shown"]


def family_ratio(
    top: Mapping[str, float | None], bottom: Mapping[str, float | None], groups: Mapping[str, int]
) -> Interval | None:
    """Geometric mean over shared families of top / bottom, 95 % interval; None where none is shared."""
    names = [f for f in sorted(top) if _positive(top[f]) and _positive(bottom.get(f))]
    if not names:
        return None
    numbers = np.array([groups[f] for f in names])
    return ratio(np.array([top[f] for f in names]), np.array([bottom[f] for f in names]), numbers)


def family_mean(values: Mapping[str, float | None], groups: Mapping[str, int]) -> Interval | None:
    """Mean over families with its 95 % interval; None where there is none."""
    names = [f for f in sorted(values) if values[f] is not None]
    if not names:
        return None
    return bootstrap_mean(np.array([values[f] for f in names]), np.array([groups[f] for f in names]))


def gap(
    top: Mapping[str, float],
    top_groups: Mapping[str, int],
    bottom: Mapping[str, float],
    bottom_groups: Mapping[str, int],
    *,
    seed: int = 0,
) -> Interval | None:
    """Ratio of the geometric means of two *different* sets of families, each resampled on its own.

    Bounds are NaN where a set has one independent group; None where a set is empty.
    """
    if not top or not bottom:
        return None
    rng = np.random.default_rng(seed)
    above, below = _log_means(top, top_groups, rng), _log_means(bottom, bottom_groups, rng)
    value = float(np.exp(above[0] - below[0]))
    if above[1] is None or below[1] is None:
        return Interval(value, float("nan"), float("nan"))
    lo, hi = np.exp(np.percentile(above[1] - below[1], [2.5, 97.5]))
    return Interval(value, float(lo), float(hi))


def _log_means(
    values: Mapping[str, float], groups: Mapping[str, int], rng: np.random.Generator
) -> tuple[float, np.ndarray | None]:
    """Mean logarithm, and [resamples] of it; None where there is one group."""
    logs = np.log([values[f] for f in sorted(values)])
    _, codes = np.unique([groups[f] for f in sorted(values)], return_inverse=True)
    n = codes.max() + 1
    if n < 2:
        return float(logs.mean()), None
    drawn = rng.integers(n, size=(N_RESAMPLES, n))
    sums, counts = np.bincount(codes, weights=logs), np.bincount(codes)
    return float(logs.mean()), sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)


def shown(interval: Interval | None, digits: int = 2) -> str:
    """``1.23 [1.10, 1.40]``; without bounds where there are none, ``–`` where there is no value."""
    if interval is None:
        return "–"
    value, lo, hi = (f"{x:.{digits}f}" for x in interval)
    return value if np.isnan(interval.lo) else f"{value} [{lo}, {hi}]"


def _positive(value: float | None) -> bool:
    return value is not None and value > 0
