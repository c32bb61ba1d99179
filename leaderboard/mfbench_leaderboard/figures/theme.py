"""What all figures share."""

from __future__ import annotations

import plotly.graph_objects as go

from mfbench_leaderboard.style import INK, LINE, MUTED

__all__ = ["CONFIG", "colour", "fade", "finish"]

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


def finish(figure: go.Figure, *, height: int, legend: bool = True) -> go.Figure:
    """Fonts, margins, grid."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 56, "r": 16, "t": 40, "b": 46},
        font={"color": INK, "size": 13, "family": "Source Sans, Source Sans Pro, sans-serif"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=legend,
        legend={"orientation": "h", "y": -0.2, "x": 0},
        hoverlabel={"bgcolor": "white", "font": {"color": INK}},
    )
    axis = {"gridcolor": LINE, "linecolor": LINE, "zeroline": False, "tickcolor": LINE, "ticks": "outside"}
    figure.update_xaxes(**axis, title_font={"color": MUTED, "size": 12})
    figure.update_yaxes(**axis, title_font={"color": MUTED, "size": 12})
    return figure


def colour(position: int) -> str:
    """Colour of the n-th line."""
    from mfbench_leaderboard.style import PALETTE

    return PALETTE[position % len(PALETTE)]


def fade(hexadecimal: str, alpha: float) -> str:
    """A colour with transparency."""
    red, green, blue = (int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
