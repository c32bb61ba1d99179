"""Error against what was trained on: families, or configurations of each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from mfbench.compare.comparison import Curve
from mfbench_leaderboard.data.text import TITLES, unit
from mfbench_leaderboard.figures.theme import colour, finish

__all__ = ["training_figure"]


def training_figure(curves: Sequence[Curve]) -> go.Figure:
    """One line a method and construction, with 95 % intervals; the number trained on is logarithmic."""
    figure = go.Figure()
    lines = sorted({(c.construction, c.method) for c in curves})
    for position, (construction, method) in enumerate(lines):
        points = sorted((c for c in curves if (c.construction, c.method) == (construction, method)), key=_n)
        figure.add_trace(
            go.Scatter(
                x=[p.n for p in points],
                y=[p.value for p in points],
                error_y={
                    "array": [(p.hi or p.value) - p.value for p in points],
                    "arrayminus": [p.value - (p.lo or p.value) for p in points],
                    "thickness": 1.2,
                },
                mode="lines+markers",
                name=escape(f"{method}, {construction}", quote=False),
                line={"color": colour(position), "width": 2.2},
                marker={"size": 7},
            )
        )
    ticks = sorted({c.n for c in curves})
    over, metric = curves[0].over, curves[0].metric
    figure.update_xaxes(
        type="log", tickvals=ticks, ticktext=[str(n) for n in ticks], title_text=f"{over} trained on"
    )
    figure.update_yaxes(title_text=f"{TITLES.get(metric, metric)} RMSE ({unit(metric)})")
    return finish(figure, height=330)


def _n(curve: Curve) -> int:
    return curve.n
