"""Columns that stand in the table only where a row of the view has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mfbench_leaderboard.data.board import Row

__all__ = ["Column", "columns_of"]


@dataclass(frozen=True)
class Column:
    """A column of text.

    Attributes:
        title, small: its head.
        text: of a row; empty where it has none.
    """

    title: str
    small: str
    text: Callable[[Row], str]


def _selector(row: Row) -> str:
    return str(getattr(row.summary.card.run, "selector", None) or "")


def _licence(row: Row) -> str:
    return str(getattr(row.summary.card, "licence", None) or "")


_OPTIONAL = (
    Column("Support", "chosen by", _selector),
    Column("Licence", "of weights", _licence),
)


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """Columns that at least one of the rows fills."""
    return [column for column in _OPTIONAL if any(column.text(row) for row in rows)]
