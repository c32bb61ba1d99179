"""*Leaderboard*: choices and filters, figures, the table. The URL holds all of them."""

from __future__ import annotations

import math

import streamlit as st

from mfbench.metrics.statistics import MIN_FAMILIES_FOR_RANKS
from mfbench.store import flat_table
from mfbench_leaderboard.data.board import Board, Choice, Row, families_at, filter_rows
from mfbench_leaderboard.data.levels import levels_of
from mfbench_leaderboard.state import current_board, current_standings, current_store, show_broken
from mfbench_leaderboard.style import empty, note, tiles
from mfbench_leaderboard.table import leaderboard_table
from mfbench_leaderboard.views.board_figures import show_figures
from mfbench_leaderboard.views.choice import choose, stated
from mfbench_leaderboard.views.permalink import permalink

__all__ = ["show"]

PAGE = 50
_HOW = (
    "Evaluate a method, then file it:<br><br>"
    "<code>mfbench evaluate --method maml --split cath-mini --out runs/maml</code><br>"
    "<code>mfbench submit runs/maml --draft maml</code><br>"
    "<code>mfbench submit maml --to STORE</code>"
)


def show() -> None:
    """The page."""
    board = current_board()
    show_broken(board)
    if not board.splits:
        st.html(empty("No submission yet", _HOW))
        return
    choice = choose(board, order="Order by")
    found = current_standings(board, choice)
    rows = _filter(board, found.rows)
    families = families_at(found.rows, choice.level)
    levels = levels_of(choice.split, families)
    about = board.of(choice.split)[0].card.run
    st.html(
        tiles(
            [
                (str(len(found.rows)), "", "submissions"),
                (str(len(families)), "", "test families"),
                (about.split_version or "–", f"data {about.data_hash[:8]}", f"version of {choice.split}"),
                (
                    ", ".join(levels) or about.level_of_theory.partition(" (")[0] or "–",
                    "",
                    "level of theory",
                ),
            ]
        )
    )
    show_figures(board, choice, rows)
    _table(rows, len(found.rows), choice, found.ranked, len(families))
    with st.container(horizontal=True):
        st.download_button(
            "All scores as CSV",
            _csv(board),
            file_name=f"mfbench-{choice.split}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        permalink(**stated(choice))


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
        st.html(empty("No submission fits these filters", "Take one away."))
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
        "Ranks are ranges: from 1 + the number of significantly better methods of the track to all but the "
        "significantly worse (Holm, cluster bootstrap over families). Methods with overlapping ranges are "
        "not told apart; a rule separates groups that are."
        if ranked
        else f"No ranks: rows share fewer than {MIN_FAMILIES_FOR_RANKS} test families; "
        "read intervals, not the order."
    )
    st.html(
        note(
            f"{shown}{hidden}. Mean over families with its 95 % interval (bootstrap over families); "
            f"smaller is better; bars share a scale from zero. {ranks} Red: no better than constant. "
            "Errors were recomputed from predictions, or from errors per configuration where the row is "
            "reproducible; costs are declared."
        )
    )


@st.cache_data(max_entries=2, show_spinner=False)
def _csv_of(url: str, state: int) -> bytes:
    return flat_table(current_board().snapshot).to_csv(index=False).encode()


def _csv(board: Board):
    return lambda: _csv_of(current_store().url, hash(tuple(board.snapshot.summaries)))
