"""Small pieces of HTML that every page uses. All text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mfbench_leaderboard.css import TONES

__all__ = ["badge", "empty", "header", "legend", "note", "said", "tiles", "waiting"]


def header() -> str:
    """The wordmark, on every page."""
    return (
        '<div class="mf-head"><div class="mf-word">mf<span>bench</span></div><div class="mf-sub">How few '
        "quantum-mechanical labels does a learned force field need for a new protein family?</div></div>"
    )


def badge(text: str, tone: str, title: str = "") -> str:
    """A small coloured label; ``tone`` is a trust level, ``warn`` or ``line``. Text is escaped.

    Raises:
        KeyError: there is no such tone.
    """
    if tone not in TONES:
        raise KeyError(tone)
    return f'<span class="mf-badge {tone}" title="{escape(title, quote=True)}">{escape(text)}</span>'


def note(text: str) -> str:
    """Small print; the text is escaped."""
    return f'<div class="mf-note">{escape(text)}</div>'


def said(text: str) -> str:
    """What a view says in one sentence; the text is escaped."""
    return f'<div class="mf-said">{escape(text)}</div>'


def tiles(items: list[tuple[str, str, str]]) -> str:
    """A row of figures: (number, unit or addition, what it is); all escaped."""
    cells = (
        f'<div class="mf-tile"><b>{escape(number)} <i>{escape(unit)}</i></b>'
        f"<span>{escape(what)}</span></div>"
        for number, unit, what in items
    )
    return f'<div class="mf-tiles">{"".join(cells)}</div>'


def legend(entries: Sequence[tuple[str, str, str]]) -> str:
    """What the lines of figures beside each other are: (text, colour, ``dashed`` or empty)."""
    items = (
        f'<span><i class="{look}" style="border-color:{colour}"></i>{escape(text)}</span>'
        for text, colour, look in entries
    )
    return f'<div class="mf-legend">{"".join(items)}</div>'


def empty(title: str, text: str = "") -> str:
    """What a page shows where there is nothing; ``text`` is HTML of ours, ``title`` is escaped."""
    return f'<div class="mf-empty"><b>{escape(title)}</b>{text}</div>'


def waiting(height: int, text: str = "") -> str:
    """A quiet box of ``height`` pixels in place of what is still being read; the text is escaped."""
    return f'<div class="mf-wait" style="height:{height}px">{escape(text)}</div>'
