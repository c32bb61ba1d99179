"""Two rows on the same families: what differs, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.metrics.statistics import Interval, bootstrap_mean, ratio
from mfbench_leaderboard.data.board import Board, Choice

__all__ = ["Pair", "compare_rows"]


@dataclass(frozen=True, eq=False)
class Pair:
    """Errors of two rows, family by family.

    Attributes:
        families: those that both have, n of them.
        first, second: [n] error in each.
        ratio: geometric mean of first ÷ second, 95 % over families.
        difference: mean of first − second, 95 % over families.
    """

    families: list[str]
    first: np.ndarray
    second: np.ndarray
    ratio: Interval
    difference: Interval

    @property
    def wins(self) -> int:
        """Families in which the first has the smaller error."""
        return int(np.count_nonzero(self.first < self.second))

    @property
    def told_apart(self) -> bool:
        """Whether the interval of the ratio leaves out 1."""
        return bool(self.ratio.lo > 1 or self.ratio.hi < 1)


def compare_rows(board: Board, choice: Choice, first: str, second: str) -> Pair | None:
    """Two submissions at a K, in one error (``choice.rank_by``); None if they share no family there."""
    errors = board.families(choice.split, choice.k, choice.rank_by, choice.query, choice.level)
    if first not in errors or second not in errors:
        return None
    summaries = board.snapshot.summaries
    values = [dict(zip(summaries[n].families, errors[n], strict=True)) for n in (first, second)]
    groups = dict(zip(summaries[first].families, summaries[first].groups, strict=True))
    shared = [f for f in values[0] if f in values[1] and all(np.isfinite(v[f]) for v in values)]
    if not shared:
        return None
    a, b = (np.array([found[f] for f in shared]) for found in values)
    group = np.array([groups[f] for f in shared])
    floor = 1e-12  # an error of nothing has no logarithm
    return Pair(
        shared,
        a,
        b,
        ratio(np.maximum(a, floor), np.maximum(b, floor), group),
        bootstrap_mean(a - b, group),
    )
