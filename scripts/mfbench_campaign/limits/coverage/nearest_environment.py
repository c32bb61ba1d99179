"""Distance of atoms to the nearest environment that a support set holds."""

from __future__ import annotations

from functools import cache

import numpy as np

from mfbench.data.environments import describe, nearest_distances
from mfbench.data.split import Split

__all__ = ["elements_of", "nearest", "spreads_of"]

SPREAD_SAMPLE = 300
"""Meta-train configurations that tell an element's spread."""


def nearest(
    numbers: np.ndarray,
    asked: np.ndarray,
    of_known: np.ndarray,
    known: np.ndarray,
    spreads: dict[int, float],
) -> np.ndarray:
    """[m] distance of each environment to the nearest known one of the same element; infinite without one.

    Args:
        numbers, asked: [m] atomic numbers and [m, d] vectors (``mfbench.data.environments.describe``).
        of_known, known: [r] and [r, d] of the support.
        spreads: element → unit of distance; 1 where it has none.
    """
    out = np.full(len(numbers), np.inf)
    for element in np.unique(numbers):
        mine, theirs = numbers == element, known[of_known == element].astype(np.float64)
        if len(theirs):
            out[mine] = nearest_distances(asked[mine], theirs) / spreads.get(int(element), 1.0)
    return out


@cache
def elements_of(split: Split) -> tuple[int, ...]:
    """Atomic numbers of a split, ascending."""
    return tuple(sorted({int(z) for t in split.tasks for c in t.everything for z in c.atomic_numbers}))


@cache
def spreads_of(split: Split) -> dict[int, float]:
    """Element → root-mean-square distance of two random environments of it in meta-train."""
    rng = np.random.default_rng(13)
    known = split.train_configurations
    chosen = [known[i] for i in rng.permutation(len(known))[:SPREAD_SAMPLE]]
    numbers = np.concatenate([c.atomic_numbers for c in chosen])
    vectors = np.concatenate([describe(c, elements_of(split)) for c in chosen]).astype(np.float64)
    found = {z: float(np.sqrt(2.0 * vectors[numbers == z].var(axis=0).sum())) for z in np.unique(numbers)}
    return {int(z): value for z, value in found.items() if value > 0}
