"""Tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["number", "paragraph", "share", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """The lines of a table; whole numbers get thousands separators."""
    return [_line(head), "|---" * len(head) + "|", *(_line(row) for row in rows)]


def paragraph(text: str) -> str:
    """A text of several lines as one."""
    return " ".join(text.split())


def number(value: float | None) -> str:
    """Three significant digits; what JSON could not hold (an infinite distance) is ∞."""
    return "∞" if value is None else f"{value:.3g}"


def share(part: float, whole: float) -> str:
    """In per cent, one decimal."""
    return f"{part / whole:.1%}" if whole else "–"


def _line(cells: Iterable[Any]) -> str:
    texts = (f"{c:,}" if isinstance(c, int) and not isinstance(c, bool) else str(c) for c in cells)
    return f"| {' | '.join(text.replace('|', '/') for text in texts)} |"
