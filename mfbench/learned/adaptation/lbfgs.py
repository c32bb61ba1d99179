"""L-BFGS directions (Nocedal & Wright 2006, algorithm 7.4) on flat vectors of any backend.

There is no line search: step sizes are those of the recipe, and its bound keeps them in check.

A pair of differences is remembered if both gradients are of the same configurations and the curvature along
the step is positive. Batches are therefore visited several times in a row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["REPEATS", "LbfgsState", "lbfgs_direction", "lbfgs_start", "repeated", "same_as_before"]

MEMORY = 8
REPEATS = 5
"""Steps in a row on one batch, where the support does not fit into one."""
FIRST = 0.01
"""Root mean square of a direction before anything is known of the curvature."""
_TINY = 1e-12


class LbfgsState(NamedTuple):
    """What is remembered of the steps so far; vectors are [n].

    Attributes:
        steps, changes: pairs of differences, oldest first; zero where there is none yet.
        position, gradient: the last ones.
    """

    steps: tuple[Any, ...]
    changes: tuple[Any, ...]
    position: Any
    gradient: Any


def lbfgs_start(position: Any) -> LbfgsState:
    """Nothing is known yet."""
    zero = 0.0 * position
    return LbfgsState((zero,) * MEMORY, (zero,) * MEMORY, position, zero)


def lbfgs_direction(state: LbfgsState, position: Any, gradient: Any, same: Any) -> tuple[LbfgsState, Any]:
    """What to descend along; ``same`` is 1 if the last gradient was of the same configurations, else 0."""
    step, change = position - state.position, gradient - state.gradient
    curved = (step @ change > _TINY + 1e-6 * (step @ step)) * 1.0 * same
    steps = _remembered(state.steps, step, curved)
    changes = _remembered(state.changes, change, curved)
    left, shares = gradient, []
    for s, y in zip(reversed(steps), reversed(changes), strict=True):
        share = _inverse(s @ y) * (s @ left)
        left = left - share * y
        shares.append(share)
    known = (steps[-1] @ changes[-1] > 0) * 1.0
    first = FIRST * len(gradient) ** 0.5 / ((gradient @ gradient) ** 0.5 + _TINY)
    last = (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1] + _TINY)
    left = (known * last + (1.0 - known) * first) * left
    for s, y, share in zip(steps, changes, reversed(shares), strict=True):
        left = left + (share - _inverse(s @ y) * (y @ left)) * s
    return LbfgsState(steps, changes, position, gradient), left


def repeated(rows: np.ndarray) -> np.ndarray:
    """[steps, batch] indices, each batch ``REPEATS`` times in a row."""
    return rows[np.arange(len(rows)) // REPEATS]


def same_as_before(rows: np.ndarray) -> np.ndarray:
    """[steps] 1 where a batch holds the configurations of the one before it, else 0; the first is 0."""
    ordered = np.sort(rows, axis=1)
    same = np.zeros(len(rows), np.float32)
    same[1:] = np.all(ordered[1:] == ordered[:-1], axis=1)
    return same


def _remembered(vectors: tuple[Any, ...], vector: Any, new: Any) -> tuple[Any, ...]:
    shifted = (*vectors[1:], vector)
    return tuple(new * s + (1.0 - new) * v for s, v in zip(shifted, vectors, strict=True))


def _inverse(curvature: Any) -> Any:
    """1 / curvature; 0 where there is no pair."""
    known = (curvature > 0) * 1.0
    return known / (curvature * known + 1.0 - known)
