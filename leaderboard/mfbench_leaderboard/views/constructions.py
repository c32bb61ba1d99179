"""*Constructions*: the same labels grouped into families in different ways, side by side."""

from __future__ import annotations

from html import escape

import streamlit as st

from mfbench.compare.text import diversity_table, transfer_table
from mfbench_leaderboard.data.compare import Comparison, read_comparison
from mfbench_leaderboard.data.gains import GAINS, Learned, learned
from mfbench_leaderboard.data.text import TITLES, unit
from mfbench_leaderboard.figures.constructions import bars, dots, dots_legend, transfer_figure
from mfbench_leaderboard.figures.theme import CONFIG
from mfbench_leaderboard.figures.training import training_figure
from mfbench_leaderboard.state import current_store
from mfbench_leaderboard.style import empty, note
from mfbench_leaderboard.table import html_table, value

__all__ = ["show"]

_HOW = (
    "A construction groups one pool of fragments into families: by CATH topology, by sequence, by "
    "chemistry, or at random. Comparing them on the same labels tells whether families matter. This page "
    "shows <code>compare.json</code> of the store once a comparison was run; nobody has run one here."
)


def show() -> None:
    """The page."""
    try:
        comparison = read_comparison(current_store())
    except ValueError as error:
        st.error("compare.json of this store is damaged.")
        st.text(str(error))
        return
    if comparison is None:
        st.html(empty("No comparison of constructions yet", _HOW))
        return
    _show(comparison)


def _show(comparison: Comparison) -> None:
    _diversity(comparison)
    _scores(comparison)
    _transfer(comparison)
    _training(comparison)
    for construction in comparison.constructions:
        if construction.note:
            st.html(note(f"{construction.name}: {construction.note}"))


def _diversity(comparison: Comparison) -> None:
    heads, rows = diversity_table(comparison)
    if not rows:
        return
    st.subheader("What the constructions hold")
    known = [(c.name, c.diversity) for c in comparison.constructions if c.diversity is not None]
    names = [name for name, _ in known]
    figures = {
        "effective train families": ([d.effective_families for _, d in known], "{:.1f}"),
        "known molecules in test (%)": ([100 * d.graphs_covered for _, d in known], "{:.0f}"),
        "distance of test from train": ([d.distance for _, d in known], "{:.3f}"),
    }
    with st.container(key="panels_diversity"):
        columns = st.columns(len(figures))
    for column, (title, (values, pattern)) in zip(columns, figures.items(), strict=True):
        figure = bars(names, values, title, pattern)
        column.plotly_chart(figure, config=CONFIG, key=f"diversity_{title}", theme=None)
    with st.expander("All counts as a table"):
        st.html(_table(heads, rows))
    st.html(
        note(
            "Effective: train families that differ by more than what is within them (Vendi score). Known "
            "molecules: share of the test families' query that train holds. Distance: of an atom's "
            "environment in test to the nearest in train (0 the same, 1 no likeness), and over that of a "
            "train family that is left out."
        )
    )


def _scores(comparison: Comparison) -> None:
    if not comparison.scores:
        return
    st.subheader("What a family's own labels teach")
    metrics = sorted({s.metric for s in comparison.scores})
    ks = sorted({s.k for s in comparison.scores})
    columns = st.columns(2)
    first = metrics.index("force_rmse") if "force_rmse" in metrics else 0
    metric = columns[0].selectbox(
        "Error", metrics, index=first, format_func=_title, key="metric", bind="query-params"
    )
    k = int(
        columns[1].selectbox("K", [str(k) for k in ks], index=len(ks) - 1, key="k", bind="query-params")
    )
    found = learned(comparison, metric, k)
    st.html(dots_legend(found.methods))
    panels = {f"{_title(metric)}, K = {k}": (found.scores, None)}
    panels |= {title: (found.gains[kind], 1.0) for kind, title in GAINS.items() if found.gains[kind]}
    with st.container(key="panels_learned"):
        columns = st.columns(len(panels))
    for column, (title, (values, even)) in zip(columns, panels.items(), strict=True):
        figure = dots(values, found.methods, found.constructions, title, even=even)
        column.plotly_chart(figure, config=CONFIG, key=f"learned_{title}", theme=None)
    with st.expander("All methods as a table"):
        st.html(_scores_table(found))
    tested = ", ".join(f"{c.name} {c.n_test_families}" for c in comparison.constructions)
    more = f" Only in the table: {', '.join(found.left_out)}." if found.left_out else ""
    st.html(
        note(
            f"{comparison.level_of_theory}. Means over test families ({tested}) with 95 % intervals. "
            "Adaptation gain: error at K = 0 over error at K; wrong-family gain: error with another "
            "family's labels over that with its own. A gain of 1 (dashed) means that own labels taught "
            f"nothing.{more}"
        )
    )


def _scores_table(found: Learned) -> str:
    rows = []
    for method in [*found.methods, *found.left_out]:
        cells = "".join(f"<td>{_cell(found.scores.get((method, n)))}</td>" for n in found.constructions)
        rows.append(f"<tr><td><b>{escape(method)}</b></td>{cells}</tr>")
        for kind, gains in found.gains.items():
            own = [gains.get((method, n)) for n in found.constructions]
            if any(own):
                cells = "".join(f"<td>{_cell(g)}</td>" for g in own)
                rows.append(f'<tr class="line"><td>{kind} gain</td>{cells}</tr>')
    return html_table([("Method", "", "left"), *((n, "", "left") for n in found.constructions)], rows)


def _transfer(comparison: Comparison) -> None:
    methods = sorted({t.method for t in comparison.transfer})
    if not methods:
        return
    first = comparison.transfer[0]
    st.subheader("Trained on one, tested on another")
    with st.container(key="panels_transfer"):
        columns = st.columns(max(len(methods), 2))
    for column, method in zip(columns, methods, strict=False):
        column.html(note(method))
        figure = transfer_figure(comparison, method)
        column.plotly_chart(figure, config=CONFIG, key=f"transfer_{method}", theme=None)
    with st.expander("Intervals and numbers of families as tables"):
        for method in methods:
            heads, rows = transfer_table(comparison, method)
            st.html(note(method) + _table(heads, rows))
    st.html(
        note(
            f"{_title(first.metric)}, K = {first.k}. Left out: families and fragments trained on, and "
            "families with elements that the network does not know. Behind ×: the ratio to the same "
            "method trained on the construction that it is tested on, on the same families (the away "
            "run leaves out what it was trained on there); above 1 (orange), training at home is better."
        )
    )


def _training(comparison: Comparison) -> None:
    titles = {"families": "More families", "configurations": "More configurations per family"}
    for over, title in titles.items():
        found = [c for c in comparison.curves if c.over == over]
        if found:
            st.subheader(f"{title}, at equal compute")
            st.plotly_chart(training_figure(found), config=CONFIG, key=over, theme=None)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    body = ("".join(f"<td>{_bold(cell)}</td>" for cell in row) for row in rows)
    return html_table([(head, "", "left") for head in heads], (f"<tr>{cells}</tr>" for cells in body))


def _bold(cell: str) -> str:
    """Escaped; what stands between two asterisks each side is bold."""
    text = escape(cell)
    return f"<b>{text[2:-2]}</b>" if text.startswith("**") and text.endswith("**") else text


def _title(metric: str) -> str:
    return f"{TITLES.get(metric, metric)} ({unit(metric)})"


def _cell(row) -> str:
    return "–" if row is None else value(row.value, row.lo, row.hi)
