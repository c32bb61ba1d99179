"""What all figures share. Their text is coloured by the pages' CSS, so that it turns with the theme."""

from __future__ import annotations

import plotly.graph_objects as go

from mfbench_leaderboard.css import INK, LINE, MUTED, PALETTE

__all__ = ["CONFIG", "colour", "fade", "finish", "symbol"]

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
_CLEAR = "rgba(0,0,0,0)"
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "pentagon")


def finish(figure: go.Figure, *, height: int, legend: bool = True) -> go.Figure:
    """Fonts, margins, grid."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 56, "r": 16, "t": 40, "b": 46},
        font={"color": INK, "size": 13, "family": "Source Sans, Source Sans Pro, sans-serif"},
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
        modebar={"bgcolor": _CLEAR, "color": MUTED, "activecolor": PALETTE[0]},
        showlegend=legend,
        legend={"orientation": "h", "y": -0.2, "x": 0, "bgcolor": _CLEAR},
        hoverlabel={"bgcolor": INK, "font": {"color": "white"}},
    )
    axis = {"gridcolor": LINE, "linecolor": LINE, "zeroline": False, "tickcolor": LINE, "ticks": "outside"}
    figure.update_xaxes(**axis, title_font={"color": MUTED, "size": 12}, automargin=True)
    figure.update_yaxes(**axis, title_font={"color": MUTED, "size": 12}, automargin=True)
    return figure


def colour(position: int) -> str:
    """Colour of the n-th line."""
    return PALETTE[position % len(PALETTE)]


def symbol(position: int) -> str:
    """Marker of the n-th line, which tells apart what colour does not."""
    return _SYMBOLS[position % len(_SYMBOLS)]


def fade(hexadecimal: str, alpha: float) -> str:
    """A colour with transparency."""
    red, green, blue = (int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
