"""*Constructions*: the same labels grouped into families in different ways, side by side."""

from __future__ import annotations

from html import escape

import streamlit as st

from mfbench_leaderboard.data.compare import Comparison, read_comparison
from mfbench_leaderboard.data.text import TITLES, unit
from mfbench_leaderboard.state import current_store
from mfbench_leaderboard.style import note
from mfbench_leaderboard.table import html_table, value

__all__ = ["show"]


def show() -> None:
    """The page."""
    try:
        comparison = read_comparison(current_store())
    except ValueError as error:
        st.error("compare.json of this store is damaged.")
        st.text(str(error))
        return
    if comparison is None:
        st.html(
            '<div class="mf-empty"><b>No comparison of constructions yet</b>'
            "A construction groups one pool of fragments into families: by CATH topology, by sequence, "
            "by chemistry, or at random. Comparing them on the same labels tells whether families matter. "
            "This page shows <code>compare.json</code> of the store once a comparison was run; nobody has "
            "run one here.</div>"
        )
        return
    _show(comparison)


def _show(comparison: Comparison) -> None:
    metrics = sorted({s.metric for s in comparison.scores})
    ks = sorted({s.k for s in comparison.scores})
    columns = st.columns(2)
    metric = columns[0].selectbox(
        "Error",
        metrics,
        format_func=_title,
        key="metric",
        bind="query-params",
    )
    k = int(
        columns[1].selectbox("K", [str(k) for k in ks], index=len(ks) - 1, key="k", bind="query-params")
    )
    names = [c.name for c in comparison.constructions]
    scores = {
        (s.method, s.construction): s
        for s in comparison.scores
        if (s.metric, s.k, s.query) == (metric, k, "all")
    }
    gains = {
        (g.method, g.construction, g.kind): g for g in comparison.gains if (g.metric, g.k) == (metric, k)
    }
    rows = []
    for method in sorted({method for method, _ in scores}):
        cells = "".join(f"<td>{_cell(scores.get((method, n)))}</td>" for n in names)
        rows.append(f"<tr><td><b>{escape(method)}</b></td>{cells}</tr>")
        for kind in ("adaptation", "wrong-family"):
            found = [gains.get((method, n, kind)) for n in names]
            if any(found):
                cells = "".join(f"<td>{_cell(g)}</td>" for g in found)
                rows.append(f'<tr class="line"><td>{kind} gain</td>{cells}</tr>')
    st.html(html_table([("Method", "", "left"), *((n, "", "left") for n in names)], rows))
    st.html(
        note(
            f"{comparison.level_of_theory}. Means over test families with 95 % intervals. Adaptation gain: "
            "error at K = 0 over error at K; wrong-family gain: error with another family's labels over "
            "that with its own. A gain of 1 means that the family's own labels taught nothing."
        )
    )
    for construction in comparison.constructions:
        st.html(
            note(f"{construction.name}: {construction.n_test_families} test families. {construction.note}")
        )


def _title(metric: str) -> str:
    return f"{TITLES.get(metric, metric)} ({unit(metric)})"


def _cell(row) -> str:
    return "–" if row is None else value(row.value, row.lo, row.hi)
