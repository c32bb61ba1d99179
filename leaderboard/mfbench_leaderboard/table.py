"""The leaderboard as an HTML table: values with intervals as numbers and bars. All text is escaped.

On a narrow screen the CSS turns every row into a card; the labels of its lines are in ``data-label``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from mfbench.protocol.protocol import Track
from mfbench_leaderboard.data.board import Cell, Row
from mfbench_leaderboard.data.columns import Column, columns_of
from mfbench_leaderboard.data.text import HEADLINES, TITLES, interval, number, seconds, unit
from mfbench_leaderboard.style import badge

__all__ = ["TRUST_NOTES", "error_heads", "html_table", "leaderboard_table", "method_badges", "value"]

TRUST_NOTES = {
    "verified": "These weights made these errors on fresh configurations that nobody had seen.",
    "recomputed": "Every number follows from the submitted predictions.",
    "reproducible": "Errors are kept, not predictions: 'mfbench store verify --rerun' makes them again.",
    "refuted": "On fresh configurations the deposited weights made larger errors than claimed.",
}


@dataclass(frozen=True)
class _View:
    """What all rows of a table share."""

    metrics: Sequence[str]
    scales: dict[str, tuple[float, float]]
    ranked: bool
    families: int
    optional: Sequence[Column]

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.metrics) + len(self.optional) + 6 + self.ranked


def leaderboard_table(rows: Sequence[Row], *, rank_by: str, ranked: bool, total_families: int) -> str:
    """Rows in the order given, under the names of their tracks unless all are standard."""
    metrics = [rank_by, *(m for m in HEADLINES if m != rank_by)]
    scales = {m: _scale(rows, m) for m in metrics}
    view = _View(metrics, scales, ranked, total_families, columns_of(rows))
    heads = [
        *([("Rank", "in its track")] if ranked else []),
        ("Method", "model", "left"),
        *((f"{TITLES[m]}{' ▾' if m == rank_by else ''}", f"RMSE, {unit(m)}", "left") for m in metrics),
        ("Trust", "notes", "left"),
        *((column.title, column.small, "left") for column in view.optional),
        ("Families", "of all"),
        ("Draws", "episodes"),
        ("Gradients", "declared"),
        ("Adaptation", "declared"),
    ]
    return html_table(heads, _body(rows, view), cards=True)


def error_heads() -> list[tuple[str, ...]]:
    """Heads of the three errors that stand together."""
    return [(TITLES[m], f"RMSE, {unit(m)}", "left") for m in HEADLINES]


def value(number_: float | None, lo: float | None = None, hi: float | None = None) -> str:
    """A value with its interval behind it."""
    return f'<span class="mf-v">{number(number_)}</span> <span class="mf-ci">{interval(lo, hi)}</span>'


def html_table(heads: Iterable[tuple[str, ...]], rows: Iterable[str], *, cards: bool = False) -> str:
    """A table in the board's look; wider than the screen it scrolls.

    Args:
        heads: title, small print below it, and ``left`` where the column is text.
        rows: HTML of ``tr`` elements.
        cards: whether rows become cards on a narrow screen; cells then name themselves in ``data-label``.
    """
    top = "".join(
        f'<th class="{"" if "left" in rest else "num"}">{escape(title)}<small>{escape(small)}</small></th>'
        for title, small, *rest in heads
    )
    return (
        f'<div class="mf-wrap"><table class="mf{" cards" if cards else ""}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _body(rows: Sequence[Row], view: _View) -> Iterable[str]:
    named = {row.track for row in rows} != {Track.STANDARD}
    track, group = None, None
    for row in rows:
        if row.track != track:
            track, group = row.track, None
            if named:
                yield _track(row, view.width)
        apart = None not in (row.group, group) and row.group != group
        group = group if row.group is None else row.group
        yield _row(row, view, apart)


def _track(row: Row, width: int) -> str:
    title = f"{row.track.capitalize()} track"
    return (
        f'<tr class="group"><td colspan="{width}"><b>{escape(title)}</b> '
        f"<small>{escape(row.track.describe())}</small></td></tr>"
    )


def _row(row: Row, view: _View, apart: bool) -> str:
    card = row.summary.card
    public = card.public_model
    parts = (public.name,) if public else (card.arch, card.backend)
    model = " · ".join(part for part in parts if part)
    link = f"method?submission={quote(row.summary.id)}"
    gradients, adapt = row.cells.get("gradient_evaluations"), row.cells.get("adapt_seconds")
    partial = "" if row.n_families in (0, view.families) else ' class="bad"'
    families = f"{row.n_families} / {view.families}" if row.n_families else "–"
    failed = f'<br><small class="bad">{row.summary.failed} failed</small>' if row.summary.failed else ""
    looks = {"line": row.is_line, "best": row.rank is not None and row.rank.best == 1, "apart": apart}
    cells = [
        *([_td("Rank", _rank(row), "num rank")] if view.ranked else []),
        f'<td class="name"><a href="{link}" target="_self">{escape(card.method)}</a><br>'
        f"<small>{escape(model or 'no model')}</small></td>",
        *(_td(TITLES[m], f"<div>{_cell(row.cells.get(m), view.scales[m])}</div>") for m in view.metrics),
        _td("Trust", f"<div>{method_badges(row, table=True)}</div>"),
        *(_td(column.title, escape(column.text(row)) or "–") for column in view.optional),
        _td("Families", f"<span{partial}>{families}</span>", "num"),
        _td(
            "Draws", f"<div>{card.run.draws}<br><small>{row.summary.episodes}</small>{failed}</div>", "num"
        ),
        _td("Gradients", number(gradients.value) if gradients else "–", "num"),
        _td("Adaptation", seconds(adapt.value) if adapt else "–", "num"),
    ]
    return f'<tr class="{" ".join(name for name, on in looks.items() if on)}">{"".join(cells)}</tr>'


def _td(label: str, inside: str, look: str = "") -> str:
    return f'<td class="{look}" data-label="{escape(label, quote=True)}">{inside}</td>'


def _rank(row: Row) -> str:
    if row.rank is None:
        return "–"
    others = row.rank.worst - row.rank.best
    title = f"not told apart from {others} other{'s' * (others != 1)}" if others else "told apart from all"
    return f'<span title="{title}">{row.rank}</span>'


def method_badges(row: Row, *, table: bool = False) -> str:
    """Trust, what checking found, and what is not standard: track and selector, for which a ``table`` has
    places of its own."""
    found = [badge(row.trust, row.trust, TRUST_NOTES[row.trust])]
    if row.is_line:
        found.append(badge("reference line", "line", "Never ranked."))
    if not table and row.track != Track.STANDARD:
        found.append(badge(f"{row.track} track", "line"))
    if not table and row.summary.card.run.selector:
        found.append(badge(f"{row.summary.card.run.selector} support", "line", "Who chose the labels."))
    found += [badge(f.kind.replace("-", " "), "warn", f.message) for f in row.findings]
    return "".join(found)


def _cell(cell: Cell | None, scale: tuple[float, float]) -> str:
    if cell is None:
        return '<span class="mf-ci">not run at this K</span>'
    low, high = scale
    width = max(high - low, 1e-12)

    def percent(value: float) -> float:
        return min(max(100 * (value - low) / width, 0), 100)

    bar = ""
    if cell.lo is not None:
        left, right = percent(cell.lo), percent(cell.hi)
        bar = f'<i style="left:{left:.1f}%;width:{max(right - left, 1):.1f}%"></i>'
    mark = f'<b style="left:calc({percent(cell.value):.1f}% - 1px)"></b>'
    flag = " flag" if cell.flagged else ""
    title = "not better than the constant method" if cell.flagged else ""
    return (
        f'<span class="mf-v{flag}" title="{title}">{number(cell.value)}</span> '
        f'<span class="mf-ci">{interval(cell.lo, cell.hi)}</span><div class="mf-bar">{bar}{mark}</div>'
    )


def _scale(rows: Sequence[Row], metric: str) -> tuple[float, float]:
    """From zero to the largest bound of those that are better than the constant method."""
    cells = [row.cells[metric] for row in rows if metric in row.cells]
    better = [c for c in cells if not c.flagged] or cells
    bounds = [c.value if c.hi is None else c.hi for c in better]
    return 0.0, 1.05 * max(bounds, default=1.0)
