"""Errors against K and against cost, for a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench_leaderboard.data.board import Board, Cell

__all__ = ["Curve", "constant_line", "cost_points", "curves"]


@dataclass(frozen=True)
class Curve:
    """One submission's errors: K → cell."""

    name: str
    label: str
    cells: dict[int, Cell]


def curves(board: Board, split: str, metric: str, query: str, names: Sequence[str]) -> list[Curve]:
    """Curves of some submissions, in the order given."""
    frame = board.select(split, metric=metric, query=query)
    found = []
    for name in names:
        rows = frame[frame["submission"] == name].sort_values("k")
        cells = {
            int(r.k): Cell(r.value, _none(r.lo), _none(r.hi), _none(r.constant)) for r in rows.itertuples()
        }
        if cells:
            found.append(Curve(name, label(board, name), cells))
    return found


def label(board: Board, name: str) -> str:
    """The method's name, with part of the id where several submissions bear it."""
    summaries = board.snapshot.summaries
    method = summaries[name].card.method
    split = summaries[name].card.run.split
    same = sum(s.card.method == method and s.card.run.split == split for s in summaries.values())
    return f"{method} · {name[-4:]}" if same > 1 else method


def constant_line(board: Board, split: str, metric: str, query: str) -> dict[int, float]:
    """K → what the constant method reaches, from the submission with the most draws."""
    frame = board.select(split, metric=metric, query=query)
    draws = {s.id: s.card.run.draws for s in board.of(split)}
    found: dict[int, tuple[int, float]] = {}
    for row in frame.itertuples():
        if not np.isnan(row.constant):
            found[row.k] = max(found.get(row.k, (0, 0.0)), (draws[row.submission], row.constant))
    return {int(k): value for k, (_, value) in sorted(found.items())}


def cost_points(board: Board, split: str, k: int, metric: str, cost: str, names: Sequence[str]):
    """[(id, label, cost, error)] of those that declare the cost."""
    errors = board.select(split, k, metric, "all").set_index("submission")["value"]
    costs = board.select(split, k, cost, "all").set_index("submission")["value"]
    return [
        (n, label(board, n), float(costs[n]), float(errors[n]))
        for n in names
        if n in errors.index and n in costs.index
    ]


def _none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
