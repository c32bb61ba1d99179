"""The figure of a comparison: transfer matrix, gains, and error against what was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mfbench.compare.comparison import Comparison
from mfbench.reporting.save_figure import save_small

__all__ = ["draw_comparison", "save_comparison"]

# Okabe-Ito colours: told apart with any colour vision; markers also without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = "os^DPv*"
_INK = "#333333"
UNITS = {
    "force_rmse": "force RMSE (kcal/mol/Å)",
    "energy_rmse": "energy RMSE (kcal/mol)",
    "energy_rmse_within": "energy RMSE within fragments (kcal/mol)",
}
_METHODS = ("pretrain", "maml", "reptile", "offset")
"""The matrix shows the first of these that travelled; gains and curves all of them."""


def save_comparison(found: Comparison, path: Path, *, metric: str, k: int) -> None:
    """Write the figure as PNG."""
    save_small(draw_comparison(found, metric=metric, k=k), path)


def draw_comparison(found: Comparison, *, metric: str, k: int) -> Figure:
    """Four panels. No global matplotlib state is read or changed."""
    figure = Figure(figsize=(12.0, 8.2), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, 2)
    figure.subplots_adjust(left=0.11, right=0.98, top=0.88, bottom=0.08, wspace=0.24, hspace=0.34)
    title = f"Meta-distribution constructions: {metric.replace('_', ' ')}, K = {k}"
    figure.text(0.02, 0.955, title, fontsize=13, color=_INK, weight="bold")
    _matrix(grid[0, 0], found)
    _gains(grid[0, 1], found, metric, k)
    for axis, over, label in (
        (grid[1, 0], "families", "training families, at equal compute"),
        (grid[1, 1], "configurations", "configurations a training family, at equal compute"),
    ):
        _curve(axis, found, over, label, metric)
    return figure


def _matrix(axis: Axes, found: Comparison) -> None:
    travelled = {t.method for t in found.transfer if t.trained_on != t.tested_on}
    method = next((m for m in _METHODS if m in travelled), None)
    title = f"transfer of {method}" if method else "transfer"
    axis.set_title(f"{title}: error, and × that of training at home", fontsize=10, loc="left")
    if method is None:
        _empty(axis)
        return
    cells = {(t.trained_on, t.tested_on): t for t in found.transfer if t.method == method}
    rows, columns = (sorted({key[i] for key in cells}) for i in (0, 1))
    ratio = np.full((len(rows), len(columns)), np.nan)
    for i, train in enumerate(rows):
        for j, test in enumerate(columns):
            if not (cell := cells.get((train, test))):
                axis.text(j, i, "not run", ha="center", va="center", fontsize=8, color="#888888")
                continue
            ratio[i, j] = 1.0 if train == test else (cell.ratio or np.nan)
            text = f"{cell.value:.2f}" + (f"\n× {cell.ratio:.2f}" if cell.ratio else "")
            dark = ratio[i, j] > 1.6
            axis.text(j, i, text, ha="center", va="center", fontsize=9, color="white" if dark else _INK)
    axis.imshow(np.log(ratio), cmap="Blues", vmin=-0.3, vmax=np.log(2.5), aspect="auto")
    axis.set_xticks(range(len(columns)), [f"on {name}" for name in columns], fontsize=8)
    axis.set_yticks(range(len(rows)), [name.replace("+", "\n+ ") for name in rows], fontsize=8)
    axis.set_ylabel("trained on", fontsize=9, color=_INK)


def _gains(axis: Axes, found: Comparison, metric: str, k: int) -> None:
    axis.set_title(
        "labels of a wrong family ÷ own labels (1: families mean nothing)", fontsize=10, loc="left"
    )
    chosen = [g for g in found.gains if (g.metric, g.k, g.kind) == (metric, k, "wrong-family")]
    names = [c.name for c in found.constructions if any(g.construction == c.name for g in chosen)]
    if not names:
        _empty(axis)
        return
    methods = [m for m in _METHODS if any(g.method == m for g in chosen)]
    for number, method in enumerate(methods):
        for gain in (g for g in chosen if g.method == method):
            place = names.index(gain.construction) + 0.16 * (number - (len(methods) - 1) / 2)
            error = None
            if gain.lo is not None and gain.hi is not None:
                error = [[gain.value - gain.lo], [gain.hi - gain.value]]
            first = gain.construction == names[0]
            axis.errorbar(
                gain.value, place, xerr=error, color=COLOURS[number], marker=MARKERS[number], markersize=5,
                linewidth=1.6, label=method if first else None,
            )  # fmt: skip
    axis.axvline(1.0, color="#777777", linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.legend(frameon=False, fontsize=8, loc="upper right")
    _plain(axis, "x")


def _curve(axis: Axes, found: Comparison, over: str, label: str, metric: str) -> None:
    axis.set_title(f"error against {over}", fontsize=10, loc="left")
    axis.set_xlabel(label, fontsize=9, color=_INK)
    axis.set_ylabel(UNITS.get(metric, metric), fontsize=9, color=_INK)
    chosen = [c for c in found.curves if c.over == over]
    if not chosen:
        _empty(axis)
        return
    lines = sorted({(c.construction, c.method) for c in chosen})
    for number, (construction, method) in enumerate(lines):
        here = (c for c in chosen if (c.construction, c.method) == (construction, method))
        points = sorted(here, key=lambda c: c.n)
        x = [p.n * (1 + 0.02 * number) for p in points]
        below = [p.value - (p.lo or p.value) for p in points]
        above = [(p.hi or p.value) - p.value for p in points]
        axis.errorbar(
            x, [p.value for p in points], yerr=[below, above], color=COLOURS[number % 7],
            marker=MARKERS[number % 7], markersize=5, linewidth=1.5, elinewidth=0.9,
            label=f"{method}, {construction}",
        )  # fmt: skip
    axis.set_xscale("log")
    ticks = sorted({c.n for c in chosen})
    axis.set_xticks(ticks, [str(n) for n in ticks])
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=8)
    _plain(axis, "y")


def _empty(axis: Axes) -> None:
    axis.text(0.5, 0.5, "not run", ha="center", va="center", color="#888888", transform=axis.transAxes)
    axis.set_xticks([])
    axis.set_yticks([])


def _plain(axis: Axes, lines: Literal["x", "y", "both"]) -> None:
    axis.grid(axis=lines, color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(colors=_INK, labelsize=8, length=3)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color("#aaaaaa")
