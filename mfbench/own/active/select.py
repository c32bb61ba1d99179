"""Which configurations of a pool to label next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.farthest_points import farthest_points
from mfbench.errors import UnknownNameError

__all__ = ["SELECTORS", "select"]

SELECTORS = ("uncertainty", "farthest", "random")


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
