"""Equal shares of some items by one number, and errors within each."""

from __future__ import annotations

import numpy as np

__all__ = ["rms_in", "shares"]


def shares(values: np.ndarray, count: int = 5) -> np.ndarray:
    """[n] which of ``count`` shares each value is in: 0 for the smallest values, equal numbers each.

    Ties go in the order given; infinite values come last. No NaN.
    """
    rank = np.empty(len(values), int)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return rank * count // max(len(values), 1)


def rms_in(squares: np.ndarray, share: np.ndarray, count: int = 5) -> list[float | None]:
    """Root of the mean of ``squares`` in each share; None where one is empty."""
    found = [squares[share == i] for i in range(count)]
    return [float(np.sqrt(x.mean())) if len(x) else None for x in found]
