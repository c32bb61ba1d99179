"""Constructions side by side: what they hold, what methods learn on them, and what carries over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from mfbench.compare.comparison import Comparison, Gain, Score, Transfer
from mfbench_leaderboard.css import MUTED, PALETTE
from mfbench_leaderboard.figures.theme import colour, finish, symbol
from mfbench_leaderboard.style import legend

__all__ = ["bars", "dots", "dots_legend", "transfer_figure"]


def bars(names: Sequence[str], values: Sequence[float], title: str, pattern: str = "{:.2f}") -> go.Figure:
    """A number of every construction, the first at the top."""
    figure = go.Figure(
        go.Bar(
            x=list(values),
            y=[escape(name, quote=False) for name in names],
            orientation="h",
            marker={"color": PALETTE[0]},
            text=[pattern.format(value) for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(title_text=title, range=[0, 1.25 * max(values, default=1) or 1])
    finish(figure, height=80 + 34 * len(names), legend=False)
    figure.update_layout(margin={"t": 10, "l": 80, "r": 30}, bargap=0.35)
    return figure


def dots(
    found: Mapping[tuple[str, str], Score | Gain],
    methods: Sequence[str],
    constructions: Sequence[str],
    title: str,
    *,
    even: float | None = None,
) -> go.Figure:
    """Value and interval of every method, a band per construction; ``even``: where a line is drawn."""
    figure = go.Figure()
    step = 0.8 / max(len(methods), 1)
    for position, method in enumerate(methods):
        here = [(i, found[method, name]) for i, name in enumerate(constructions) if (method, name) in found]
        text = escape(method, quote=False)
        figure.add_trace(
            go.Scatter(
                x=[v.value for _, v in here],
                y=[i + step * (position - (len(methods) - 1) / 2) for i, _ in here],
                error_x={
                    "array": [(v.value if v.hi is None else v.hi) - v.value for _, v in here],
                    "arrayminus": [v.value - (v.value if v.lo is None else v.lo) for _, v in here],
                    "thickness": 1.2,
                    "width": 2,
                },
                mode="markers",
                marker={"size": 8, "color": colour(position), "symbol": symbol(position)},
                hovertemplate=text + ": %{x:.3g}<extra></extra>",
            )
        )
    names = [escape(name, quote=False) for name in constructions]
    bottom = len(names) - 0.5
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[bottom, -0.5], showgrid=False
    )
    for edge in range(1, len(names)):
        figure.add_hline(y=edge - 0.5, line={"color": MUTED, "width": 0.5})
    if even is not None:
        figure.add_vline(x=even, line={"color": MUTED, "dash": "dash", "width": 1.5})
    figure.update_xaxes(title_text=title)
    finish(figure, height=80 + 16 * max(len(methods), 3) * len(names), legend=False)
    figure.update_layout(margin={"t": 10, "l": 80})
    return figure


def dots_legend(methods: Sequence[str]) -> str:
    """What the colours of ``dots`` are, once for all figures."""
    return legend([(method, colour(i), "") for i, method in enumerate(methods)])


def transfer_figure(comparison: Comparison, method: str) -> go.Figure:
    """Ratio to training at home: rows trained on, columns tested on; at home the error itself."""
    found = {(t.trained_on, t.tested_on): t for t in comparison.transfer if t.method == method}
    rows, columns = (list(dict.fromkeys(key[side] for key in found)) for side in (0, 1))
    ratios = [[_ratio(found.get((row, column))) for column in columns] for row in rows]
    texts = [[_cell(found.get((row, column))) for column in columns] for row in rows]
    furthest = max([abs(r - 1) for line in ratios for r in line if r is not None], default=0) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=ratios,
            x=[escape(name, quote=False) for name in columns],
            y=[escape(name, quote=False).replace("+", "<br>+ ") for name in rows],
            text=texts,
            texttemplate="%{text}",
            textfont={"size": 12},
            zmin=1 - furthest,
            zmax=1 + furthest,
            colorscale=[[0, "rgba(18,138,128,0.55)"], [0.5, "rgba(125,150,145,0.12)"],
                        [1, "rgba(213,94,0,0.55)"]],
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate="trained on %{y}, tested on %{x}: %{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title_text="rows: trained on; columns: tested on", showgrid=False)
    figure.update_yaxes(showgrid=False, autorange="reversed")
    finish(figure, height=110 + 58 * len(rows), legend=False)
    figure.update_layout(margin={"t": 10})
    return figure


def _ratio(found: Transfer | None) -> float | None:
    if found is None:
        return None
    return 1.0 if found.trained_on == found.tested_on else found.ratio


def _cell(found: Transfer | None) -> str:
    if found is None:
        return ""
    text = f"{found.value:.2f}"
    return text if found.ratio is None else f"{text}<br>× {found.ratio:.2f}"
