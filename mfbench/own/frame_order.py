"""Do frames of a file follow one another, as in a trajectory, or does their order mean nothing?

A permutation test: in a trajectory, neighbours in the file are nearer to each other than they would be in
another order. Frames that were displaced one by one, drawn or shuffled are exchangeable, and are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from mfbench.data.configuration import Configuration

__all__ = ["FEWEST", "LEVEL", "FrameOrder", "chance_of_order"]

FEWEST = 8
"""Frames of a molecule below which the test says little: they count as a trajectory, the safe side."""
LEVEL = 0.01
"""Chance, below which the order is taken for that of a trajectory."""
_MOST = 200
_ORDERS = 999


class FrameOrder(StrEnum):
    """What frames without trajectory names are: judged by the test, or said."""

    AUTO = "auto"
    TRAJECTORY = "trajectory"
    INDEPENDENT = "independent"


def chance_of_order(frames: Sequence[Configuration], *, seed: int = 0) -> float:
    """Share of random orders whose neighbours are as near as those of the file.

    Near is the root mean square difference of all interatomic distances.

    Args:
        frames: of one molecule, atoms in one order; of more than 200 the first are looked at.
        seed: of the random orders.
    """
    some = frames[:_MOST]
    i, j = np.triu_indices(len(some[0]), 1)
    shape = np.array([np.linalg.norm(c.positions[i] - c.positions[j], axis=-1) for c in some])
    apart = np.sqrt(np.maximum(_squares(shape), 0.0))
    rng = np.random.default_rng([seed, 31])
    given = np.arange(len(some))
    orders = np.array([given, *(rng.permutation(len(some)) for _ in range(_ORDERS))])
    steps = apart[orders[:, :-1], orders[:, 1:]].mean(axis=1)
    return float(np.mean(steps <= steps[0] + 1e-12))


def _squares(shape: np.ndarray) -> np.ndarray:
    """[n, n] mean square differences between rows of [n, pairs]."""
    norms = np.sum(shape**2, axis=1)
    found: np.ndarray = (norms[:, None] + norms - 2 * shape @ shape.T) / max(shape.shape[1], 1)
    return found
