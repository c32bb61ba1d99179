"""The leaderboard as an HTML table: values with intervals as numbers and bars. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from mfbench_leaderboard.data.board import Cell, Row
from mfbench_leaderboard.data.text import HEADLINES, TITLES, interval, number, seconds, unit
from mfbench_leaderboard.style import badge

__all__ = ["TRUST_NOTES", "error_heads", "html_table", "leaderboard_table", "method_badges", "value"]

TRUST_NOTES = {
    "verified": "These weights made these errors on fresh configurations that nobody had seen.",
    "recomputed": "Every number follows from the submitted predictions.",
    "reproducible": "Errors are kept, not predictions: 'mfbench store verify --rerun' makes them again.",
    "refuted": "On fresh configurations the deposited weights made larger errors than claimed.",
}


def leaderboard_table(rows: Sequence[Row], *, rank_by: str, ranked: bool, total_families: int) -> str:
    """Rows in the order given."""
    metrics = [rank_by, *(m for m in HEADLINES if m != rank_by)]
    scales = {m: _scale(rows, m) for m in metrics}
    heads = [
        *([("Rank", "ties share")] if ranked else []),
        ("Method", "model", "left"),
        *((f"{TITLES[m]}{' ▾' if m == rank_by else ''}", f"RMSE, {unit(m)}", "left") for m in metrics),
        ("Trust", "notes", "left"),
        ("Families", "of all"),
        ("Draws", "episodes"),
        ("Gradients", "declared"),
        ("Adaptation", "declared"),
    ]
    dynamics = any("stable_share" in row.cells for row in rows)
    heads += [("Stable", "trajectories, declared")] if dynamics else []
    return html_table(heads, (_row(row, metrics, scales, ranked, total_families, dynamics) for row in rows))


def error_heads() -> list[tuple[str, ...]]:
    """Heads of the three errors that stand together."""
    return [(TITLES[m], f"RMSE, {unit(m)}", "left") for m in HEADLINES]


def value(number_: float | None, lo: float | None = None, hi: float | None = None) -> str:
    """A value with its interval behind it."""
    return f'<span class="mf-v">{number(number_)}</span> <span class="mf-ci">{interval(lo, hi)}</span>'


def html_table(heads: Iterable[tuple[str, ...]], rows: Iterable[str]) -> str:
    """A table in the board's look.

    Args:
        heads: title, small print below it, and ``left`` where the column is text.
        rows: HTML of ``tr`` elements.
    """
    top = "".join(
        f'<th class="{"" if "left" in rest else "num"}">{escape(title)}<small>{escape(small)}</small></th>'
        for title, small, *rest in heads
    )
    body = "".join(rows)
    return (
        f'<div class="mf-wrap"><table class="mf"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(row: Row, metrics, scales, ranked: bool, total: int, dynamics: bool) -> str:
    card = row.summary.card
    rank = f'<td class="num">{row.rank if row.rank is not None else "–"}</td>' if ranked else ""
    public = card.public_model
    parts = (public.name, public.licence) if public else (card.arch, card.backend)
    model = " · ".join(part for part in parts if part)
    link = f"method?submission={quote(row.summary.id)}"
    cells = "".join(f"<td>{_cell(row.cells.get(m), scales[m])}</td>" for m in metrics)
    gradients, adapt = row.cells.get("gradient_evaluations"), row.cells.get("adapt_seconds")
    stable = row.cells.get("stable_share")
    shown = f'<td class="num">{100 * stable.value:.0f} %</td>' if stable else '<td class="num">–</td>'
    partial = "" if row.n_families in (0, total) else ' style="color:#a3262a"'
    families = f"{row.n_families} / {total}" if row.n_families else "–"
    failed = (
        f'<br><small style="color:#a3262a">{row.summary.failed} failed</small>'
        if row.summary.failed
        else ""
    )
    return (
        f'<tr class="{"line" if row.is_line else ""}{" best" if row.rank == 1 else ""}">{rank}'
        f'<td><a href="{link}" target="_self">{escape(card.method)}</a><br>'
        f"<small>{escape(model or 'no model')}</small></td>{cells}"
        f"<td>{method_badges(row)}</td>"
        f'<td class="num"{partial}>{families}</td>'
        f'<td class="num">{card.run.draws}<br><small>{row.summary.episodes}</small>{failed}</td>'
        f'<td class="num">{number(gradients.value) if gradients else "–"}</td>'
        f'<td class="num">{seconds(adapt.value) if adapt else "–"}</td>{shown if dynamics else ""}</tr>'
    )


def method_badges(row: Row) -> str:
    """Trust, track and selector where they are not the standard ones, and what checking found."""
    found = [badge(row.trust, row.trust, TRUST_NOTES[row.trust])]
    if row.is_line:
        found.append(badge("reference line", "line", "Never ranked."))
    if row.summary.card.track != "standard":
        found.append(badge(f"{row.summary.card.track} track", "line"))
    if row.summary.card.run.selector:
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
