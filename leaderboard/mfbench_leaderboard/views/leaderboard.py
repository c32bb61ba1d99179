"""*Leaderboard*: filters, the table, errors against K, errors against cost. The URL holds the filters."""

from __future__ import annotations

import math

import streamlit as st

from mfbench.metrics.statistics import MIN_FAMILIES_FOR_RANKS
from mfbench.store import flat_table
from mfbench_leaderboard.data.board import Board, Choice, Row, filter_rows
from mfbench_leaderboard.data.curves import constant_line, cost_points, curves
from mfbench_leaderboard.data.text import HEADLINES, TITLES
from mfbench_leaderboard.figures.against_k import against_k, cost_figure
from mfbench_leaderboard.figures.theme import CONFIG
from mfbench_leaderboard.state import current_board, current_standings, current_store, show_broken
from mfbench_leaderboard.style import note, tiles
from mfbench_leaderboard.table import leaderboard_table

__all__ = ["show"]

QUERIES = {
    "all": "all",
    "seen": "seen molecules",
    "unseen": "unseen molecules",
    "novel": "novel molecules",
}
"""Labels, which are also what the URL says."""
QUERY_HELP = "Seen: the molecule is in the support. Unseen: it is not. Novel: meta-train does not hold it."
PAGE = 50
DRAWN = 8
COSTS = {
    "gradient_evaluations": "gradients at adaptation (configurations)",
    "adapt_seconds": "adaptation (s)",
    "predict_seconds": "prediction (s)",
}


def show() -> None:
    """The page."""
    board = current_board()
    show_broken(board)
    if not board.splits:
        _empty()
        return
    choice = _choose(board)
    found = current_standings(board, choice)
    rows = _filter(board, found.rows)
    families = max((len(row.summary.families) for row in found.rows), default=0)
    about = board.of(choice.split)[0].card.run
    st.html(
        tiles(
            [
                (str(len(found.rows)), "", "submissions"),
                (str(families), "", "test families"),
                (about.split_version or "–", f"data {about.data_hash[:8]}", f"version of {choice.split}"),
                (about.level_of_theory.partition(" (")[0] or "–", "", "level of theory"),
            ]
        )
    )
    _table(rows, len(found.rows), choice, found.ranked, families)
    st.download_button(
        "All scores as CSV",
        _csv(board),
        file_name=f"mfbench-{choice.split}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    _figures(board, choice, rows)


def _empty() -> None:
    st.html(
        '<div class="mf-empty"><b>No submission yet</b>Evaluate a method, then file it:<br><br>'
        "<code>mfbench evaluate --method maml --split cath-mini --out runs/maml</code><br>"
        "<code>mfbench submit runs/maml --draft maml</code><br>"
        "<code>mfbench submit maml --to STORE</code></div>"
    )


def _choose(board: Board) -> Choice:
    columns = st.columns([1.3, 2.2, 1.7, 1.6])
    split = columns[0].selectbox(
        "Construction", board.splits, key="split", bind="query-params", help="How families are cut."
    )
    ks = [str(k) for k in board.ks(split)]
    best = str(max((int(k) for k in ks if int(k) <= 50), default=int(ks[-1])))
    with columns[1]:
        k = st.segmented_control(
            "K, labels of the new family", ks, default=best, key="k", required=True, bind="query-params"
        )
    query = columns[2].selectbox(
        "Queries", list(QUERIES), format_func=QUERIES.get, key="query", bind="query-params", help=QUERY_HELP
    )
    rank_by = columns[3].selectbox(
        "Order by", list(HEADLINES), format_func=TITLES.get, key="by", bind="query-params"
    )
    return Choice(split, int(k or best), query, rank_by)


def _filter(board: Board, rows: list[Row]) -> list[Row]:
    def options(pick) -> list[str]:
        return sorted({pick(row) for row in rows})

    with st.expander("Filter: track, architecture, backend, trust", icon=":material/tune:"):
        columns = st.columns(5)
        wanted = {
            name: columns[i].multiselect(
                title, options(pick), key=name, bind="query-params", placeholder="any"
            )
            for i, (name, title, pick) in enumerate(
                (
                    ("track", "Track", lambda r: str(r.summary.card.track)),
                    ("arch", "Architecture", lambda r: r.summary.card.arch or "none"),
                    ("backend", "Backend", lambda r: r.summary.card.backend or "none"),
                    ("trust", "Trust", lambda r: r.trust),
                )
            )
        }
        text = columns[4].text_input(
            "Name contains", key="find", bind="query-params", placeholder="anything"
        )
    return filter_rows(
        rows,
        tracks=wanted["track"],
        archs=wanted["arch"],
        backends=wanted["backend"],
        trusts=wanted["trust"],
        text=text or "",
    )


def _table(rows: list[Row], total: int, choice: Choice, ranked: bool, families: int) -> None:
    if not rows:
        st.html('<div class="mf-empty"><b>No submission fits these filters</b>Take one away.</div>')
        return
    pages = math.ceil(len(rows) / PAGE)
    page = 1
    if pages > 1:
        page = st.number_input(f"Page, of {pages}", 1, pages, key="page", width=140)
    part = rows[(page - 1) * PAGE : page * PAGE]
    st.html(leaderboard_table(part, rank_by=choice.rank_by, ranked=ranked, total_families=families))
    shown = f"{(page - 1) * PAGE + 1} to {(page - 1) * PAGE + len(part)} of {len(rows)}"
    hidden = f", {total - len(rows)} more are filtered out" if total > len(rows) else ""
    ranks = (
        "Rank = 1 + number of significantly better methods (Holm, cluster bootstrap over families)."
        if ranked
        else f"No ranks: fewer than {MIN_FAMILIES_FOR_RANKS} test families; read intervals, not the order."
    )
    st.html(
        note(
            f"{shown}{hidden}. Mean over families with its 95 % interval (bootstrap over families); "
            f"smaller is better; bars share a scale from zero. {ranks} Red: no better than constant. "
            "Errors were recomputed from predictions, or from errors per configuration where the row is "
            "reproducible; costs are declared."
        )
    )


def _is_force_field(row: Row) -> bool:
    """Whether it was run at this K, and its forces are better than none."""
    return "force_rmse" in row.cells and not row.cells["force_rmse"].flagged


def _figures(board: Board, choice: Choice, rows: list[Row]) -> None:
    able = [row for row in rows if not row.is_line and _is_force_field(row)]
    names = [row.summary.id for row in able[:DRAWN]]
    if not names:
        return
    left, right = st.tabs(["Errors against K", "Error against cost"])
    with left:
        panels = {m: curves(board, choice.split, m, choice.query, names) for m in HEADLINES}
        lines = {m: constant_line(board, choice.split, m, choice.query) for m in HEADLINES}
        st.plotly_chart(
            against_k(panels, lines, board.ks(choice.split)), config=CONFIG, key="against_k", theme=None
        )
        more = f" The first {DRAWN} of {len(able)} are drawn." if len(able) > DRAWN else ""
        st.html(note(f"Bands: 95 % over families. Queries: {QUERIES[choice.query]}.{more}"))
    with right:
        cost = st.selectbox("Cost", list(COSTS), format_func=COSTS.get, key="cost", bind="query-params")
        points = cost_points(board, choice.split, choice.k, choice.rank_by, cost, names)
        st.plotly_chart(
            cost_figure(points, COSTS[cost], choice.rank_by), config=CONFIG, key="cost_plot", theme=None
        )
        st.html(note(f"At K = {choice.k}; costs are declared by the submitters, on their own hardware."))


@st.cache_data(max_entries=2, show_spinner=False)
def _csv_of(url: str, state: int) -> bytes:
    return flat_table(current_board().snapshot).to_csv(index=False).encode()


def _csv(board: Board):
    return lambda: _csv_of(current_store().url, hash(tuple(board.snapshot.summaries)))
