"""Student's t without a statistics package: its density integrated on a logarithmic grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["two_sided", "upper_quantile", "upper_quantiles"]

_GRID = np.concatenate([[0.0], np.geomspace(1e-3, 1e6, 4000)])


def two_sided(t: np.ndarray, freedom: float) -> np.ndarray:
    """Probability of a value further from zero than ``t`` ≥ 0."""
    found: np.ndarray = np.exp(np.interp(t, _GRID, np.log(_tail(freedom))))
    return found


def upper_quantile(share: float, freedom: float) -> float:
    """What a value exceeds with probability 1 − ``share``; ``share`` above one half."""
    logs = np.log(_tail(freedom))[::-1]
    return float(np.interp(np.log(2 * (1 - share)), logs, _GRID[::-1]))


def upper_quantiles(share: float, freedom: np.ndarray) -> np.ndarray:
    """``upper_quantile`` for each of many degrees of freedom."""
    each = [upper_quantile(share, value) for value in freedom.ravel().tolist()]
    return np.array(each).reshape(freedom.shape)


@lru_cache(maxsize=64)
def _tail(freedom: float) -> np.ndarray:
    density = (1 + _GRID**2 / freedom) ** (-(freedom + 1) / 2)
    pieces = np.diff(_GRID) * (density[1:] + density[:-1]) / 2
    tail = np.concatenate([np.cumsum(pieces[::-1])[::-1], [0.0]])
    found: np.ndarray = np.maximum(tail / tail[0], 1e-300)
    return found
