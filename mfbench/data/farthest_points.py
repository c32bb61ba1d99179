"""Configurations that are unlike one another: one vector for each, and the farthest from what is chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.environments import describe
from mfbench.errors import ProtocolError

__all__ = ["farthest_points", "fingerprints"]


def fingerprints(
    configurations: Sequence[Configuration], elements: Sequence[int] | None = None
) -> np.ndarray:
    """[n, d] one vector per configuration: mean environment of the atoms of each element.

    ``elements``: which, in order; by default all that occur.
    """
    elements = elements or sorted({int(z) for c in configurations for z in c.atomic_numbers})
    rows = []
    for c in configurations:
        vectors = describe(c, elements)
        numbers = np.asarray(c.atomic_numbers)
        rows.append(
            np.concatenate(
                [
                    vectors[numbers == z].mean(axis=0) if np.any(numbers == z) else 0.0 * vectors[0]
                    for z in elements
                ]
            )
        )
    return np.array(rows, float)


def farthest_points(vectors: np.ndarray, chosen: Sequence[int], count: int) -> list[int]:
    """``count`` rows, each the farthest from those chosen before (Gonzalez 1985); the first is the one
    nearest to the mean where nothing is chosen yet. No row comes twice, even where rows are equal.

    Raises:
        ProtocolError: fewer rows are left.
    """
    left = len(vectors) - len(set(chosen))
    if count > left:
        raise ProtocolError(f"{count} of {left} rows that are left cannot be chosen: ask for fewer")
    picked = list(chosen)
    found: list[int] = []
    if not picked:
        first = int(np.argmin(np.linalg.norm(vectors - vectors.mean(axis=0), axis=1)))
        picked, found = [first], [first]
    distance = np.min([np.linalg.norm(vectors - vectors[i], axis=1) for i in picked], axis=0)
    distance[picked] = -np.inf
    while len(found) < count:
        after = int(np.argmax(distance))
        found.append(after)
        distance = np.minimum(distance, np.linalg.norm(vectors - vectors[after], axis=1))
        distance[after] = -np.inf
    return found
