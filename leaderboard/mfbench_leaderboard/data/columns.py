"""Columns that stand in the table only where a row of the view has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mfbench.metrics.errors import CALIBRATION
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
    return str(row.summary.card.run.selector or "")


def _licence(row: Row) -> str:
    public = row.summary.card.public_model
    return public.licence if public else ""


def _dynamics(row: Row) -> str:
    share = row.cells.get("stable_share")
    return f"{100 * share.value:.0f} %" if share else ""


def _calibration(row: Row) -> str:
    held = [row.cells.get(name) for name in CALIBRATION]
    if not any(held):
        return ""
    return " / ".join(f"{100 * cell.value:.0f} %" if cell else "–" for cell in held)


_OPTIONAL = (
    Column("Support", "chosen by", _selector),
    Column("Dynamics", "stable runs, declared", _dynamics),
    Column("Calibration", "energies / forces in the stated 90 %, declared", _calibration),
    Column("Licence", "of the public model", _licence),
)


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """Columns that at least one of the rows fills."""
    return [column for column in _OPTIONAL if any(column.text(row) for row in rows)]
