"""*Compare*: two rows family by family, with the interval of what differs. The URL holds the choice."""

from __future__ import annotations

import streamlit as st

from mfbench_leaderboard.data.board import Board, Choice
from mfbench_leaderboard.data.curves import label
from mfbench_leaderboard.data.pairs import Pair, compare_rows
from mfbench_leaderboard.data.text import TITLES, number, unit
from mfbench_leaderboard.figures.pairs import dumbbells, scatter
from mfbench_leaderboard.figures.theme import CONFIG
from mfbench_leaderboard.state import current_board, current_standings
from mfbench_leaderboard.style import empty, note, said, tiles
from mfbench_leaderboard.views.choice import QUERIES, choose, stated
from mfbench_leaderboard.views.permalink import permalink

__all__ = ["show"]


def show() -> None:
    """The page."""
    board = current_board()
    if not board.splits:
        st.html(empty("No submission yet", "Two rows can be compared once there are two."))
        return
    choice = choose(board, order="Error")
    rows = [row for row in current_standings(board, choice).rows if choice.rank_by in row.cells]
    rows.sort(key=lambda row: (row.is_line, row.cells[choice.rank_by].value))
    names = [row.summary.id for row in rows]
    if len(names) < 2:
        st.html(empty("Fewer than two rows here", "Choose another K or construction."))
        return
    for key in ("a", "b"):
        wanted = st.query_params.get(key)
        if wanted is not None and wanted not in names:
            st.warning("A row of this link has no such error here; another one stands for it.")
    columns = st.columns(2)
    first = columns[0].selectbox("First row", names, key="a", bind="query-params")
    second = columns[1].selectbox("Second row", names, index=1, key="b", bind="query-params")
    pair = compare_rows(board, choice, first, second)
    if first == second or pair is None:
        st.html(empty("Nothing to compare", "Choose two rows that share families."))
        return
    _show(board, choice, pair, (first, second))
    permalink(**stated(choice), a=first, b=second)


def _show(board: Board, choice: Choice, pair: Pair, names: tuple[str, str]) -> None:
    metric = choice.rank_by
    labels = (label(board, names[0]), label(board, names[1]))
    st.html(said(_sentence(pair, labels)))
    st.html(
        tiles(
            [
                (
                    f"{pair.ratio.value:.3f}",
                    f"[{pair.ratio.lo:.3f}, {pair.ratio.hi:.3f}]",
                    "first ÷ second",
                ),
                (
                    number(pair.difference.value).replace("-", "−"),
                    f"{_signed(pair.difference.lo, pair.difference.hi)} {unit(metric)}",
                    "first − second",
                ),
                (f"{pair.wins} of {len(pair.families)}", "families", "in which the first is better"),
            ]
        )
    )
    with st.container(key="panels_pair"):
        left, right = st.columns(2)
    figure = dumbbells(pair, labels, metric)
    left.plotly_chart(figure, config=CONFIG, key="pair_families", theme=None)
    figure = scatter(pair, labels, metric)
    right.plotly_chart(figure, config=CONFIG, key="pair_scatter", theme=None)
    tracks = {str(board.snapshot.summaries[name].card.track) for name in names}
    apart = f" The rows are of different tracks ({', '.join(sorted(tracks))})." if len(tracks) > 1 else ""
    st.html(
        note(
            f"{TITLES[metric]} at K = {choice.k}, queries: {QUERIES[choice.query]}. The ratio is a "
            "geometric mean, the difference a mean over families, with 95 % intervals (cluster bootstrap "
            "over families) of this one pair: among many pairs, some come out apart by "
            f"chance.{apart}"
        )
    )


def _sentence(pair: Pair, labels: tuple[str, str]) -> str:
    first, second = labels
    if not pair.told_apart:
        return f"{first} and {second} are not told apart on {len(pair.families)} families."
    better, worse = (first, second) if pair.ratio.value < 1 else (second, first)
    percent = 100 * (1 - min(pair.ratio.value, 1 / pair.ratio.value))
    return f"{better} makes {percent:.1f} % smaller errors than {worse}."


def _signed(lo: float, hi: float) -> str:
    return f"[{number(lo, 2)}, {number(hi, 2)}]".replace("-", "−")
