"""Two rows family by family: a dumbbell per family, and one error against the other."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from mfbench_leaderboard.css import MUTED
from mfbench_leaderboard.data.pairs import Pair
from mfbench_leaderboard.data.text import TITLES, unit
from mfbench_leaderboard.figures.theme import colour, fade, finish, symbol

__all__ = ["dumbbells", "scatter"]


def dumbbells(pair: Pair, labels: tuple[str, str], metric: str) -> go.Figure:
    """A line per family from one error to the other, in the colour of the better row; the family in which
    the first row gains most is at the top."""
    order = np.argsort(pair.second / np.maximum(pair.first, 1e-12))
    places = np.arange(len(order))
    figure = go.Figure()
    for side, better in enumerate((pair.first < pair.second, pair.first >= pair.second)):
        chosen = better[order]
        figure.add_trace(
            go.Scatter(
                x=_broken(pair.first[order][chosen], pair.second[order][chosen]),
                y=_broken(places[chosen], places[chosen]),
                mode="lines",
                line={"color": fade(colour(side), 0.6), "width": 3},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    names = [escape(pair.families[i], quote=False) for i in order]
    for side, values in enumerate((pair.first, pair.second)):
        text = escape(labels[side], quote=False)
        figure.add_trace(
            go.Scatter(
                x=values[order],
                y=places,
                mode="markers",
                name=text,
                marker={"size": 9, "color": colour(side), "symbol": symbol(side)},
                customdata=names,
                hovertemplate="%{customdata}, " + text + ": %{x:.2f}<extra></extra>",
            )
        )
    height = 120 + 22 * len(order)
    figure.update_yaxes(tickvals=places, ticktext=names, range=[-0.7, len(order) - 0.3])
    figure.update_xaxes(title_text=f"{TITLES[metric]} RMSE ({unit(metric)})", rangemode="tozero")
    finish(figure, height=height)
    figure.update_layout(margin={"t": 10}, legend={"y": -64 / height})
    return figure


def scatter(pair: Pair, labels: tuple[str, str], metric: str) -> go.Figure:
    """A point per family; below the diagonal the first row is the better one."""
    top = 1.06 * float(max(pair.first.max(), pair.second.max()))
    first, second = (escape(label, quote=False) for label in labels)
    figure = go.Figure(
        go.Scatter(
            x=[0, top], y=[0, top], mode="lines", line={"color": MUTED, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
        )
    )  # fmt: skip
    better = pair.first < pair.second
    figure.add_trace(
        go.Scatter(
            x=pair.second,
            y=pair.first,
            mode="markers",
            marker={"size": 9, "color": [colour(0 if b else 1) for b in better]},
            customdata=[escape(f, quote=False) for f in pair.families],
            hovertemplate="%{customdata}: %{y:.2f} against %{x:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=f"{second} ({unit(metric)})", range=[0, top])
    figure.update_yaxes(title_text=f"{first} ({unit(metric)})", range=[0, top])
    finish(figure, height=380, legend=False)
    figure.update_layout(margin={"t": 14})
    return figure


def _broken(a: np.ndarray, b: np.ndarray) -> list[float | None]:
    """a₀ b₀ gap a₁ b₁ gap ...: separate pieces in one trace."""
    return [x for pair in zip(a, b, strict=True) for x in (float(pair[0]), float(pair[1]), None)]
