"""Error against the cost of adaptation. A point grows with what was trained before; a line is the front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from mfbench_leaderboard.css import MUTED
from mfbench_leaderboard.data.pareto import Point, front
from mfbench_leaderboard.data.text import TITLES, number, unit
from mfbench_leaderboard.figures.theme import colour, fade, finish

__all__ = ["pareto_figure"]

_SMALLEST, _LARGEST = 9.0, 34.0


def pareto_figure(points: Sequence[Point], cost_title: str, metric: str) -> go.Figure:
    """Logarithmic in cost where costs span a decade; there what costs nothing stands at the left edge."""
    best = front(points)
    names = {p.name for p in best}
    axis = _axis([p.cost for p in points])
    place = axis.place
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=[x for p in best for x in ([place[p.cost]] if p is best[0] else [place[p.cost]] * 2)],
            y=[y for i, p in enumerate(best) for y in ([best[i - 1].error] if i else []) + [p.error]],
            mode="lines",
            line={"color": MUTED, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    )
    ordered = sorted(points, key=lambda p: -(p.training or 0))  # large ones below small ones
    texts = [escape(p.label, quote=False) for p in ordered]
    figure.add_trace(
        go.Scatter(
            x=[place[p.cost] for p in ordered],
            y=[p.error for p in ordered],
            mode="markers+text",
            text=[text if p.name in names else "" for p, text in zip(ordered, texts, strict=True)],
            textposition="bottom center",
            textfont={"size": 11},
            marker={
                "size": _sizes([p.training for p in ordered]),
                "color": [fade(colour(0 if p.name in names else 9), 0.55) for p in ordered],
                "line": {"color": [colour(0 if p.name in names else 9) for p in ordered], "width": 1.5},
            },
            customdata=[
                [text, number(p.cost), "not declared" if p.training is None else f"{p.training:,}"]
                for p, text in zip(ordered, texts, strict=True)
            ],
            hovertemplate="%{customdata[0]}: error %{y:.2f}, cost %{customdata[1]}, "
            "trained before: %{customdata[2]} gradients<extra></extra>",
            cliponaxis=False,
        )
    )
    if axis.ticks:
        figure.update_xaxes(type="log", tickvals=axis.ticks, ticktext=axis.labels)
    figure.update_xaxes(title_text=cost_title)
    figure.update_yaxes(title_text=f"{TITLES.get(metric, metric)} RMSE ({unit(metric)})")
    finish(figure, height=420, legend=False)
    figure.update_layout(margin={"t": 24})
    return figure


@dataclass(frozen=True)
class _Axis:
    """Where costs stand: cost → coordinate, and the ticks if the axis is logarithmic."""

    place: dict[float, float]
    ticks: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()


def _axis(costs: Sequence[float]) -> _Axis:
    place = {cost: cost for cost in costs}
    positive = [cost for cost in costs if cost > 0]
    if not positive or max(positive) <= 10 * min(positive):
        return _Axis(place)
    low, high = (math.log10(bound) for bound in (min(positive), max(positive)))
    decades = range(math.floor(low), math.ceil(high) + 1)
    ticks = tuple(10.0**d for d in decades)
    labels = tuple(f"{10**d:,}" if d >= 0 else f"{10.0**d:g}" for d in decades)
    if len(positive) == len(costs):
        return _Axis(place, ticks, labels)
    nothing = 10.0 ** (decades[0] - 1)
    return _Axis({c: c or nothing for c in costs}, (nothing, *ticks), ("none", *labels))


def _sizes(training: Sequence[int | None]) -> list[float]:
    """Diameters: area grows with the gradients, from a smallest one for none."""
    largest = max((t or 0 for t in training), default=0)
    spread = _LARGEST**2 - _SMALLEST**2
    shares = [(t or 0) / (largest or 1) for t in training]
    return [math.sqrt(_SMALLEST**2 + spread * share) for share in shares]
