"""How many independent values a sample is worth whose neighbours are alike.

Frames of one trajectory share their error: of 24 frames in four trajectories, a quantile knows little more
than of four. Kish's design effect (1965): n values in blocks of m are worth n / (1 + (m − 1) ρ), ρ the
correlation within a block, by analysis of variance of the ranks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.own.trajectory_names import frames_of_molecules, telling_names

__all__ = ["blocks_of", "independent_count"]

_FEWEST = 3
"""Trajectories that tell how alike their frames are; of fewer, pieces of them are compared."""


def blocks_of(configurations: Sequence[Configuration]) -> np.ndarray:
    """[n] numbers of what is alike: trajectories, or consecutive pieces of molecules where few are named.

    A molecule of n configurations is cut into about √n pieces.
    """
    names = telling_names(configurations)
    if len(set(names)) < _FEWEST:
        for name, rows in frames_of_molecules(configurations).items():
            for piece, part in enumerate(np.array_split(rows, max(round(len(rows) ** 0.5), 1))):
                for i in part:
                    names[i] = f"{name} {piece}"
    found: np.ndarray = np.unique(names, return_inverse=True)[1]
    return found


def independent_count(values: np.ndarray, blocks: np.ndarray) -> float:
    """Between 1 and n: how many independent values these are worth.

    Args:
        values: [n].
        blocks: [n] which block each is of.
    """
    n = len(values)
    names, inverse, sizes = np.unique(blocks, return_inverse=True, return_counts=True)
    if len(names) < 2 or len(names) == n:
        return float(n)
    ranks = np.unique(values, return_inverse=True)[1].astype(float)
    means = np.bincount(inverse, ranks) / sizes
    between = np.sum(sizes * (means - ranks.mean()) ** 2) / (len(names) - 1)
    within = np.sum((ranks - means[inverse]) ** 2) / (n - len(names))
    weighted = np.sum(sizes**2) / n  # size of the block that a value is in
    usual = (n - weighted) / (len(names) - 1)
    both = between + (usual - 1) * within
    alike = np.clip((between - within) / both, 0.0, 1.0) if both > 0 else 1.0
    return float(n / (1 + (weighted - 1) * alike))
