"""RMSE against K: a line with its band for every method, the constant method dashed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from mfbench.protocol.protocol import Track
from mfbench_leaderboard.css import LINE, MUTED
from mfbench_leaderboard.data.curves import Curve
from mfbench_leaderboard.data.text import TITLES, unit
from mfbench_leaderboard.figures.theme import colour, fade, finish, symbol
from mfbench_leaderboard.style import legend

__all__ = ["CONSTANT", "against_k", "against_k_legend"]

CONSTANT = "constant method"
_FAR = 2.5
_DASHES = {Track.CONVERGED: "dot", Track.LONG: "dashdot", Track.OPEN: "longdash"}
"""Of a line in another track than the standard one."""
_LOOKS = {"solid": "", "dot": "dotted", "dashdot": "dashed", "longdash": "dashed"}
"""Nearest that a legend in CSS has."""


def against_k(metric: str, curves: Sequence[Curve], line: dict[int, float], ks: Sequence[int]) -> go.Figure:
    """One error. K stands at equal steps, because few K, roughly geometric, read well so.

    Args:
        metric: which error.
        curves: a submission each; figures beside each other, with the same curves, share a legend. One
            method has one colour, its tracks differ in their dashes.
        line: K → what the constant method reaches.
        ks: all K of the axis.
    """
    figure = go.Figure()
    place = {k: i for i, k in enumerate(ks)}
    _constant(figure, {k: v for k, v in line.items() if k in place}, curves, place)
    alpha = 0.14 if len(curves) <= 3 else 0.06
    methods = _methods(curves)
    for curve in curves:
        _curve(figure, curve, place, methods.index(curve.method), alpha)
    figure.update_xaxes(
        tickvals=list(place.values()), ticktext=[str(k) for k in place], title_text="K, labels"
    )
    figure.update_yaxes(rangemode="tozero")
    finish(figure, height=340, legend=False)
    figure.update_layout(
        title={"text": f"{TITLES[metric]} ({unit(metric)})", "font": {"size": 14}, "x": 0.5, "y": 0.98},
        margin={"l": 40, "r": 12, "t": 50, "b": 42},
    )
    return figure


def against_k_legend(curves: Sequence[Curve]) -> str:
    """What the lines are, once for all figures."""
    methods = _methods(curves)
    entries = [(c.label, colour(methods.index(c.method)), _LOOKS[_dash(c)]) for c in curves]
    return legend([*entries, (CONSTANT, MUTED, "dashed")])


def _methods(curves: Sequence[Curve]) -> list[str]:
    """In the order in which colours are given to them."""
    return list(dict.fromkeys(curve.method for curve in curves))


def _dash(curve: Curve) -> str:
    return _DASHES.get(curve.track, "solid")


def _constant(figure: go.Figure, line: dict[int, float], curves: Sequence[Curve], place) -> None:
    """The constant method as a dashed line; as a number where it would flatten all the others."""
    highest = max((c.hi or c.value for curve in curves for c in curve.cells.values()), default=0)
    if line and curves and min(line.values()) > _FAR * highest:
        ends = sorted({f"{v:.1f}" for v in (min(line.values()), max(line.values()))}, key=float)
        figure.add_annotation(
            text=f"{CONSTANT}: {' to '.join(ends)}, off the scale",
            **{"xref": "x domain", "yref": "y domain", "x": 0.98, "y": 1.0, "yanchor": "bottom"},
            showarrow=False,
            font={"size": 11, "color": MUTED},
        )
        return
    figure.add_trace(
        go.Scatter(
            x=[place[k] for k in line],
            y=list(line.values()),
            mode="lines",
            line={"color": MUTED, "dash": "dash", "width": 1.5},
            hovertemplate=CONSTANT + ": %{y:.2f}<extra></extra>",
        )
    )


def _curve(figure: go.Figure, curve: Curve, place, position: int, alpha: float) -> None:
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
            )
        )
    text = escape(curve.label, quote=False)
    figure.add_trace(
        go.Scatter(
            x=x,
            y=[c.value for c in cells],
            name=text,
            mode="lines+markers",
            line={"color": tone, "width": 2.2, "dash": _dash(curve)},
            marker={"size": 7, "symbol": symbol(position), "line": {"color": LINE, "width": 1}},
            customdata=[[k, c.lo, c.hi] for k, c in zip(ks, cells, strict=True)],
            hovertemplate=text + ", K = %{customdata[0]}: %{y:.2f}"
            " [%{customdata[1]:.2f}, %{customdata[2]:.2f}]<extra></extra>",
        )
    )
