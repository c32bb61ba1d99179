"""RMSE against K: one panel an error, a line with its band a method, the constant method dashed."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mfbench_leaderboard.data.curves import Curve
from mfbench_leaderboard.data.text import TITLES, unit
from mfbench_leaderboard.figures.theme import colour, fade, finish
from mfbench_leaderboard.style import MUTED

__all__ = ["against_k", "cost_figure"]

_FAR = 2.5


def against_k(
    panels: dict[str, list[Curve]], lines: dict[str, dict[int, float]], ks: list[int]
) -> go.Figure:
    """Panels by metric. K stands at equal steps, because few K, roughly geometric, read well so."""
    titles = [f"{TITLES[m]} ({unit(m)})" for m in panels]
    figure = make_subplots(rows=1, cols=len(panels), subplot_titles=titles, horizontal_spacing=0.07)
    place = {k: i for i, k in enumerate(ks)}
    names = list(dict.fromkeys(curve.name for found in panels.values() for curve in found))
    alpha = 0.14 if len(names) <= 3 else 0.06
    for column, (metric, found) in enumerate(panels.items(), start=1):
        first = column == 1
        _constant(figure, lines.get(metric, {}), found, place, first, column)
        for curve in found:
            _curve(figure, curve, place, names.index(curve.name), first, column, alpha)
        figure.update_xaxes(
            tickvals=list(place.values()),
            ticktext=[str(k) for k in place],
            title_text="K, labels",
            col=column,
        )
        figure.update_yaxes(rangemode="tozero", col=column)
    finish(figure, height=400)
    return figure


def _constant(figure, line, found: list[Curve], place, first: bool, column: int) -> None:
    """The constant method as a dashed line; as a number where it would flatten all the others."""
    line = {k: v for k, v in line.items() if k in place}
    highest = max((c.hi or c.value for curve in found for c in curve.cells.values()), default=0)
    if line and found and min(line.values()) > _FAR * highest:
        ends = sorted({f"{v:.1f}" for v in (min(line.values()), max(line.values()))}, key=float)
        figure.add_annotation(
            text=f"constant method: {' to '.join(ends)}, off the scale",
            bgcolor="rgba(255,255,255,0.75)",
            **{"xref": "x domain", "yref": "y domain", "x": 0.98, "y": 0.98, "row": 1, "col": column},
            showarrow=False,
            font={"size": 11, "color": MUTED},
        )
        return
    figure.add_trace(
        go.Scatter(
            x=[place[k] for k in line],
            y=list(line.values()),
            name="constant method",
            legendgroup="constant",
            showlegend=first,
            mode="lines",
            line={"color": MUTED, "dash": "dash", "width": 1.5},
            hovertemplate="constant method: %{y:.2f}<extra></extra>",
        ),
        1,
        column,
    )


def _curve(figure, curve: Curve, place, position: int, first: bool, column: int, alpha: float) -> None:
    ks = [k for k in curve.cells if k in place]
    x, cells = [place[k] for k in ks], [curve.cells[k] for k in ks]
    tone = colour(position)
    bounded = [(a, c) for a, c in zip(x, cells, strict=True) if c.lo is not None]
    if bounded:
        xs = [a for a, _ in bounded]
        figure.add_trace(
            go.Scatter(
                x=[*xs, *xs[::-1]],
                y=[*(c.hi for _, c in bounded), *(c.lo for _, c in bounded[::-1])],
                fill="toself",
                fillcolor=fade(tone, alpha),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                legendgroup=curve.name,
                showlegend=False,
            ),
            1,
            column,
        )
    text = escape(curve.label, quote=False)
    figure.add_trace(
        go.Scatter(
            x=x,
            y=[c.value for c in cells],
            name=text,
            legendgroup=curve.name,
            showlegend=first,
            mode="lines+markers",
            line={"color": tone, "width": 2.2},
            marker={"size": 7},
            customdata=[[k, c.lo, c.hi] for k, c in zip(ks, cells, strict=True)],
            hovertemplate=text + ", K = %{customdata[0]}: %{y:.2f}"
            " [%{customdata[1]:.2f}, %{customdata[2]:.2f}]<extra></extra>",
        ),
        1,
        column,
    )


def cost_figure(points, cost_title: str, metric: str) -> go.Figure:
    """Error against declared cost, logarithmic where costs span more than a decade."""
    figure = go.Figure()
    for position, (_, label, cost, error) in enumerate(points):
        figure.add_trace(
            go.Scatter(
                x=[cost],
                y=[error],
                mode="markers+text" if len(points) <= 12 else "markers",
                text=[escape(label, quote=False)],
                textposition="top center",
                name=escape(label, quote=False),
                marker={"size": 12, "color": colour(position), "line": {"color": "white", "width": 1}},
                hovertemplate=f"{escape(label, quote=False)}: %{{x:.3g}}, %{{y:.2f}}<extra></extra>",
            )
        )
    values = [cost for _, _, cost, _ in points if cost > 0]
    if values and max(values) > 10 * min(values) and len(values) == len(points):
        figure.update_xaxes(type="log")
    figure.update_xaxes(title_text=cost_title)
    figure.update_yaxes(
        title_text=f"{TITLES.get(metric, metric)} RMSE ({unit(metric)})", rangemode="tozero"
    )
    return finish(figure, height=380, legend=False)
