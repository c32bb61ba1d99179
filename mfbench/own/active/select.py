"""Which configurations of a pool to label next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.environments import describe
from mfbench.errors import UnknownNameError

__all__ = ["SELECTORS", "farthest_points", "fingerprints", "select"]

SELECTORS = ("uncertainty", "farthest", "random")


def fingerprints(configurations: Sequence[Configuration]) -> np.ndarray:
    """[n, d] one vector per configuration: mean environment of the atoms of each element."""
    elements = sorted({int(z) for c in configurations for z in c.atomic_numbers})
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
    nearest to the mean where nothing is chosen yet."""
    picked = list(chosen)
    found: list[int] = []
    if not picked:
        first = int(np.argmin(np.linalg.norm(vectors - vectors.mean(axis=0), axis=1)))
        picked, found = [first], [first]
    distance = np.min([np.linalg.norm(vectors - vectors[i], axis=1) for i in picked], axis=0)
    while len(found) < count:
        after = int(np.argmax(distance))
        found.append(after)
        distance = np.minimum(distance, np.linalg.norm(vectors - vectors[after], axis=1))
    return found


def select(
    strategy: str,
    vectors: np.ndarray,
    open_rows: Sequence[int],
    labelled: Sequence[int],
    spreads: np.ndarray | None,
    count: int,
    seed: int,
) -> list[int]:
    """Rows of the pool to label next.

    Args:
        strategy: ``uncertainty`` (largest spread of the committee, thinned so that no two are alike),
            ``farthest`` (from all that is labelled) or ``random``.
        vectors: [pool, d] fingerprints.
        open_rows: rows without a label.
        labelled: rows with one.
        spreads: [pool] of the committee; None before there is a model: ``farthest`` is used instead.
        count: how many.
        seed: of ``random``.

    Raises:
        UnknownNameError: no such strategy.
    """
    if strategy not in SELECTORS:
        raise UnknownNameError(f"unknown selector '{strategy}': choose one of {', '.join(SELECTORS)}")
    count = min(count, len(open_rows))
    rows = np.asarray(open_rows)
    if strategy == "random":
        drawn = np.random.default_rng([seed, len(labelled), 17]).permutation(len(rows))[:count]
        return [int(rows[i]) for i in sorted(drawn)]
    if strategy == "uncertainty" and spreads is not None:
        order = rows[np.argsort(-spreads[rows], kind="stable")]
        rows = order[: max(4 * count, count)]  # the least sure, of which those unlike one another are taken
        local = farthest_points(vectors[rows], [0], count - 1) if count > 1 else []
        return [int(rows[i]) for i in [0, *local]]
    together = np.concatenate([np.asarray(labelled, int), rows])
    known = list(range(len(labelled)))
    return [int(together[i]) for i in farthest_points(vectors[together], known, count)]
