"""Construction, K, queries and error: chosen the same way on every page that compares rows."""

from __future__ import annotations

import streamlit as st

from mfbench_leaderboard.data.board import Board, Choice
from mfbench_leaderboard.data.text import HEADLINES, TITLES

__all__ = ["QUERIES", "choose"]

QUERIES = {
    "all": "all",
    "seen": "seen molecules",
    "unseen": "unseen molecules",
    "novel": "novel molecules",
}
"""Labels, which are also what the URL says."""
QUERY_HELP = "Seen: the molecule is in the support. Unseen: it is not. Novel: meta-train does not hold it."


def choose(board: Board, order: str) -> Choice:
    """What is looked at, kept in the URL; ``order``: what the choice of the error is called."""
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
        order, list(HEADLINES), format_func=TITLES.get, key="by", bind="query-params"
    )
    return Choice(split, int(k or best), query, rank_by)
