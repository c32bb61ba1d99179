"""Blocked folds: neighbours on a trajectory never stand on both sides of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import ProtocolError
from mfbench.own.trajectory_names import frames_of_molecules, telling_names

__all__ = ["blocked_folds"]


def blocked_folds(configurations: Sequence[Configuration], count: int) -> list[np.ndarray]:
    """Indices of ``count`` folds of nearly equal size.

    Where the file names at least ``count`` trajectories, whole trajectories are dealt out, the largest
    first, each to the smallest fold. Otherwise every molecule's configurations are cut into consecutive
    blocks, one per fold: frames that follow one another look alike and stay together.

    Args:
        configurations: of own data; ``trajectory_id`` may be empty. One name for each frame tells no
            trajectories.
        count: at least two.

    Raises:
        ProtocolError: fewer configurations than folds.
    """
    if count < 2 or len(configurations) < count:
        raise ProtocolError(
            f"{len(configurations)} configurations cannot be cut into {count} folds: give more labels"
        )
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(telling_names(configurations)):
        groups.setdefault(name, []).append(i)
    folds: list[list[int]] = [[] for _ in range(count)]
    if len(groups) >= count:
        for members in sorted(groups.values(), key=lambda m: (-len(m), m[0])):
            min(folds, key=len).extend(members)
    else:
        for members in frames_of_molecules(configurations).values():
            for fold, block in zip(_smallest_first(folds), np.array_split(members, count), strict=True):
                folds[fold].extend(int(i) for i in block)
    return [np.array(sorted(fold), dtype=int) for fold in folds]


def _smallest_first(folds: Sequence[Sequence[int]]) -> list[int]:
    """``array_split`` gives its first parts one more: those go to the folds that have least."""
    return sorted(range(len(folds)), key=lambda i: len(folds[i]))
