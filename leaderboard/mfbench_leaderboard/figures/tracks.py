"""One error of every method in every track that it was run in, at the same K."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from mfbench.protocol.protocol import Track
from mfbench_leaderboard.css import MUTED
from mfbench_leaderboard.data.text import TITLES, unit
from mfbench_leaderboard.data.tracks import AcrossTracks
from mfbench_leaderboard.figures.theme import colour, finish, symbol

__all__ = ["tracks_figure"]


def tracks_figure(entries: Sequence[AcrossTracks], tracks: Sequence[Track], metric: str) -> go.Figure:
    """A line per method, best at the top, a marker with its interval per track."""
    figure = go.Figure()
    names = _names(entries)
    places = list(range(len(entries)))[::-1]
    for y, entry in zip(places, entries, strict=True):
        values = [row.cells[metric].value for row in entry.rows.values()]
        figure.add_trace(
            go.Scatter(
                x=[min(values), max(values)], y=[y, y], mode="lines",
                line={"color": MUTED, "width": 1.5}, hoverinfo="skip", showlegend=False,
            )
        )  # fmt: skip
    for position, track in enumerate(tracks):
        found = [
            (y, entry.rows[track].cells[metric], name)
            for y, entry, name in zip(places, entries, names, strict=True)
            if track in entry.rows
        ]
        bars = [(c.value if c.lo is None else c.lo, c.value if c.hi is None else c.hi) for _, c, _ in found]
        figure.add_trace(
            go.Scatter(
                x=[c.value for _, c, _ in found],
                y=[y for y, _, _ in found],
                error_x={
                    "array": [hi - c.value for (_, c, _), (_, hi) in zip(found, bars, strict=True)],
                    "arrayminus": [c.value - lo for (_, c, _), (lo, _) in zip(found, bars, strict=True)],
                    "thickness": 1.2,
                    "width": 3,
                },
                mode="markers",
                name=str(track),
                marker={"size": 10, "color": colour(position), "symbol": symbol(position)},
                customdata=[[name, lo, hi] for (_, _, name), (lo, hi) in zip(found, bars, strict=True)],
                hovertemplate="%{customdata[0]}, " + str(track) + ": %{x:.2f} "
                "[%{customdata[1]:.2f}, %{customdata[2]:.2f}]<extra></extra>",
            )
        )
    figure.update_yaxes(tickvals=places, ticktext=names, range=[-0.6, len(entries) - 0.4])
    figure.update_xaxes(
        title_text=f"{TITLES.get(metric, metric)} RMSE ({unit(metric)})", rangemode="tozero"
    )
    finish(figure, height=130 + 30 * len(entries))
    figure.update_layout(margin={"t": 10}, legend={"y": -70 / (130 + 30 * len(entries))})
    return figure


def _names(entries: Sequence[AcrossTracks]) -> list[str]:
    """Method, with its architecture where two bear one name."""
    plain = [entry.name for entry in entries]
    return [
        escape(e.name if plain.count(e.name) == 1 else f"{e.name} ({e.model})", quote=False)
        for e in entries
    ]
