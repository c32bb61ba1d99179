"""Error against what adaptation costs, and which rows nobody beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mfbench_leaderboard.data.board import Board, Row
from mfbench_leaderboard.data.curves import label

__all__ = ["Point", "front", "points_of"]


@dataclass(frozen=True)
class Point:
    """A row in the plane of cost and error.

    Attributes:
        name, label: id, and what it is called.
        cost: declared, of one adaptation.
        error: mean over families.
        training: configuration-gradients before adaptation; None: not declared.
    """

    name: str
    label: str
    cost: float
    error: float
    training: int | None


def points_of(board: Board, rows: Sequence[Row], metric: str, cost: str) -> list[Point]:
    """Rows that have the metric and declare the cost, in the order given."""
    return [
        Point(
            row.summary.id,
            label(board, row.summary.id),
            row.cells[cost].value,
            row.cells[metric].value,
            row.summary.card.meta_gradients,
        )
        for row in rows
        if metric in row.cells and cost in row.cells
    ]


def front(points: Sequence[Point]) -> list[Point]:
    """Points that no other beats in cost without losing in error, from the cheapest on."""
    found: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost, p.error)):
        if not found or point.error < found[-1].error:
            found.append(point)
    return found
