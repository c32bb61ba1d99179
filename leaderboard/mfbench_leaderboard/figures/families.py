"""Figures of families: label distributions, everyone's error, and a method's error in each family."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from mfbench_leaderboard.css import INK, LINE, MUTED
from mfbench_leaderboard.data.text import TITLES, unit
from mfbench_leaderboard.figures.theme import colour, finish

__all__ = ["distributions", "everyone", "per_family"]


def distributions(values: dict[str, np.ndarray], title: str, *, log: bool = False) -> go.Figure:
    """Shares of each role's values, as outlines over common bins."""
    figure = go.Figure()
    everything = np.concatenate([v for v in values.values() if len(v)])
    low, high = np.percentile(everything, [0.2, 99.8])
    edges = np.linspace(low, high, 41)
    for position, (role, found) in enumerate(values.items()):
        if not len(found):
            continue
        share = np.histogram(found, edges)[0] / len(found)
        figure.add_trace(
            go.Scatter(
                x=np.repeat(edges, 2)[1:-1],
                y=np.repeat(100 * share, 2),
                name=f"{role} ({len(found):,})",
                mode="lines",
                line={"color": colour(position), "width": 2},
                hovertemplate="%{x:.2f}: %{y:.1f} %<extra>" + escape(role, quote=False) + "</extra>",
            )
        )
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(title_text="share (%)", type="log" if log else "linear")
    finish(figure, height=320)
    figure.update_layout(legend={"y": -0.28})
    return figure


def everyone(found, metric: str, family: str) -> go.Figure:
    """Every submission's error on one family, best at the top."""
    found = found[:40][::-1]
    figure = go.Figure(
        go.Bar(
            x=[error for _, _, error, _ in found],
            y=[escape(label, quote=False) for _, label, _, _ in found],
            orientation="h",
            marker={"color": [LINE if line else colour(0) for _, _, _, line in found]},
            text=[f"{error:.2f}" for _, _, error, _ in found],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(
        title_text=f"{TITLES[metric]} RMSE on {escape(family, quote=False)} ({unit(metric)})"
    )
    finish(figure, height=90 + 30 * len(found), legend=False)
    figure.update_layout(margin={"l": 130, "r": 50, "t": 10}, bargap=0.35)
    return figure


def per_family(families: list[str], errors: dict[int, np.ndarray], constant: float | None, metric: str):
    """A method's error in every family, one dot a K."""
    order = np.argsort(errors[max(errors)])
    figure = go.Figure()
    names = [escape(families[i]) for i in order]
    for position, (k, values) in enumerate(sorted(errors.items())):
        figure.add_trace(
            go.Scatter(
                x=values[order],
                y=names,
                mode="markers",
                name=f"K = {k}",
                marker={"size": 10, "color": colour(position), "opacity": 0.9},
                hovertemplate="%{y}, K = " + str(k) + ": %{x:.2f}<extra></extra>",
            )
        )
    figure.update_xaxes(title_text=f"{TITLES[metric]} RMSE ({unit(metric)})", rangemode="tozero")
    figure.update_yaxes(tickfont={"color": INK}, gridcolor=LINE)
    if constant is not None:
        figure.add_vline(
            x=constant, line={"color": MUTED, "dash": "dash"}, annotation_text="constant method"
        )
    finish(figure, height=130 + 26 * len(families))
    figure.update_layout(margin={"l": 150, "t": 24}, legend={"y": -60 / (130 + 26 * len(families))})
    return figure
