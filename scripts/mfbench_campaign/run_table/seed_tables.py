"""Errors of families and seeds as tables, of one method or of two side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["Errors", "same_seeds", "seed_table"]

Errors = Mapping[str, Sequence[float]]
"""Family → error of each seed."""


def seed_table(errors: Errors, families: Sequence[str]) -> np.ndarray:
    """[seeds, families]."""
    return np.array([errors[family] for family in families]).T


def same_seeds(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two tables with as many seeds: where one has a single seed, it stands beside every seed of the other;
    else the first seeds that both have are compared."""
    count = max(len(a), len(b)) if 1 in (len(a), len(b)) else min(len(a), len(b))
    first, second = (np.repeat(t, count, 0) if len(t) == 1 else t[:count] for t in (a, b))
    return first, second
