"""Figures of the leaderboard: errors against K, tracks beside each other, error against cost."""

from __future__ import annotations

from html import escape

import streamlit as st

from mfbench_leaderboard.data.board import Board, Choice, Row
from mfbench_leaderboard.data.curves import constant_line, curves, label
from mfbench_leaderboard.data.pareto import front, points_of
from mfbench_leaderboard.data.text import HEADLINES, TITLES
from mfbench_leaderboard.data.tracks import across_tracks, converged_over_standard, tracks_of
from mfbench_leaderboard.figures.against_k import against_k, against_k_legend
from mfbench_leaderboard.figures.pareto import pareto_figure
from mfbench_leaderboard.figures.theme import CONFIG
from mfbench_leaderboard.figures.tracks import tracks_figure
from mfbench_leaderboard.style import empty, note
from mfbench_leaderboard.table import html_table, value
from mfbench_leaderboard.views.choice import QUERIES

__all__ = ["show_figures"]

DRAWN = 8
IN_TRACKS = 20
COSTS = {
    "gradient_evaluations": "gradients at adaptation (configurations)",
    "adapt_seconds": "adaptation (s)",
    "predict_seconds": "prediction (s)",
}


def show_figures(board: Board, choice: Choice, rows: list[Row]) -> None:
    """Tabs of figures of the rows that pass the filters; nothing where none is a force field."""
    able = [row for row in rows if not row.is_line and _is_force_field(row)]
    if not able:
        return
    several = len(tracks_of(able, choice.rank_by)) > 1
    titles = ["Error against K", *(["Tracks side by side"] if several else []), "Error against cost"]
    tabs = dict(zip(titles, st.tabs(titles), strict=True))
    with tabs["Error against K"]:
        _against_k(board, choice, able)
    if several:
        with tabs["Tracks side by side"]:
            _tracks(board, choice, able)
    with tabs["Error against cost"]:
        _cost(board, choice, able)


def _is_force_field(row: Row) -> bool:
    """Whether it was run at this K, and its forces are better than none."""
    return "force_rmse" in row.cells and not row.cells["force_rmse"].flagged


def _against_k(board: Board, choice: Choice, able: list[Row]) -> None:
    best = sorted(able, key=lambda row: row.cells[choice.rank_by].value)[:DRAWN]
    names = [row.summary.id for row in best]
    drawn = {m: curves(board, choice, m, names) for m in HEADLINES}
    st.html(against_k_legend(drawn[choice.rank_by]))
    with st.container(key="panels_k"):
        for column, metric in zip(st.columns(len(HEADLINES)), HEADLINES, strict=True):
            line = constant_line(board, choice, metric)
            figure = against_k(metric, drawn[metric], line, board.ks(choice.split))
            column.plotly_chart(figure, config=CONFIG, key=f"against_k_{metric}", theme=None)
    more = (
        f" The best {DRAWN} of {len(able)} are drawn; filters choose others." if len(able) > DRAWN else ""
    )
    st.html(note(f"Bands: 95 % over families. Queries: {QUERIES[choice.query]}.{more}"))


def _tracks(board: Board, choice: Choice, able: list[Row]) -> None:
    metric = choice.rank_by
    tracks = tracks_of(able, metric)
    entries = across_tracks(board, able, metric)
    entries.sort(key=lambda entry: len(entry.rows) == 1)  # methods in several tracks first
    shown = entries[:IN_TRACKS]
    st.plotly_chart(tracks_figure(shown, tracks, metric), config=CONFIG, key="tracks", theme=None)
    ratios = [converged_over_standard(board, choice, entry) for entry in shown]
    heads = [("Method", "", "left"), *((t.capitalize(), t.describe(), "left") for t in tracks)]
    if any(ratios):
        heads.append(("Converged ÷ standard", "over families", "left"))
    body = []
    for entry, found in zip(shown, ratios, strict=True):
        cells = [f"<b>{escape(entry.name)}</b> <small>{escape(entry.model)}</small>"]
        for track in tracks:
            cell = entry.rows[track].cells[metric] if track in entry.rows else None
            cells.append("–" if cell is None else value(cell.value, cell.lo, cell.hi))
        if any(ratios):
            cells.append("–" if found is None else value(*found))
        body.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    with st.expander("The same as a table"):
        st.html(html_table(heads, body))
    more = f" The first {IN_TRACKS} of {len(entries)} methods." if len(entries) > IN_TRACKS else ""
    st.html(
        note(
            f"{TITLES[metric]} at K = {choice.k}, 95 % intervals over families. A line joins what one "
            f"method reaches from the same weights in each track.{more}"
        )
    )


def _cost(board: Board, choice: Choice, able: list[Row]) -> None:
    cost = st.selectbox("Cost", list(COSTS), format_func=COSTS.get, key="cost", bind="query-params")
    points = points_of(board, able, choice.rank_by, cost)
    if not points:
        st.html(empty("Nobody declared this cost"))
        return
    figure = pareto_figure(points, COSTS[cost], choice.rank_by)
    st.plotly_chart(figure, config=CONFIG, key="cost_plot", theme=None)
    names = ", ".join(label(board, p.name) for p in front(points))
    st.html(
        note(
            f"At K = {choice.k}. Coloured and joined: the front, whom nobody beats in both ({names}). The "
            "area of a point grows with the gradients of training before adaptation. Costs are declared by "
            "the submitters, on their own hardware."
        )
    )
