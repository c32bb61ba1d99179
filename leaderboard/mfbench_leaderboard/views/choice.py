"""Construction, K, queries and error: chosen the same way on every page that compares rows."""

from __future__ import annotations

import streamlit as st

from mfbench_leaderboard.data.board import Board, Choice
from mfbench_leaderboard.data.levels import EVERY_LEVEL, FIRST_LEVEL, levels_of
from mfbench_leaderboard.data.text import HEADLINES, TITLES

__all__ = ["QUERIES", "choose", "stated"]

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
    return Choice(split, int(k or best), query, rank_by, _level(board, split))


def _level(board: Board, split: str) -> str:
    """Which level of theory, asked only where tasks have several."""
    families = {family for summary in board.of(split) for family in summary.families}
    levels = levels_of(split, sorted(families))
    if len(levels) < 2:
        return EVERY_LEVEL
    return st.segmented_control(
        "Level of theory of the test tasks",
        [*levels, EVERY_LEVEL],
        default=levels[0] if FIRST_LEVEL in levels else EVERY_LEVEL,
        key="level",
        required=True,
        bind="query-params",
    )


def stated(choice: Choice) -> dict[str, str]:
    """The choice as the URL says it."""
    found = {"split": choice.split, "k": str(choice.k), "query": QUERIES[choice.query]}
    found["by"] = TITLES[choice.rank_by]
    return found if choice.level == EVERY_LEVEL else found | {"level": choice.level}
