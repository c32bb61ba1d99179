"""The figure of a run: errors against the number of labels, for all, seen and unseen fragments."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mfbench.protocol.protocol import Support
from mfbench.results.results import AggregateRow, Results
from mfbench.work.files import written

__all__ = ["draw_figure", "save_figure"]

PANELS = (
    ("energy_rmse", "Energy", "RMSE (kcal/mol)"),
    ("energy_rmse_within", "Energy within fragments", "RMSE (kcal/mol)"),
    ("force_rmse", "Forces", "RMSE (kcal/mol/Å)"),
)
# Okabe-Ito colours: told apart with any colour vision; markers and dashes also without colour.
LINES = (
    ("all", "all queries", "#0072B2", "o"),
    ("seen", "graph seen in the support", "#009E73", "s"),
    ("unseen", "graph not in the support", "#D55E00", "^"),
)
_CONSTANT = "#777777"
_INK = "#333333"


def save_figure(results: Results, path: Path) -> None:
    """Write the figure of a run as PNG."""
    figure = draw_figure(results)
    with written(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # of a name in another script
        figure.savefig(temporary, format="png", dpi=110, pil_kwargs={"compress_level": 1})


def draw_figure(results: Results) -> Figure:
    """Three panels against K. No global matplotlib state is read or changed."""
    figure = Figure(figsize=(11.5, 4.3), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    figure.subplots_adjust(left=0.06, right=0.985, top=0.83, bottom=0.26, wspace=0.20)
    place = {k: i for i, k in enumerate(results.ks)}
    for axis, (metric, title, label) in zip(axes, PANELS, strict=True):
        _panel(axis, results, metric, place)
        axis.set_title(title, fontsize=11, color=_INK, loc="left")
        axis.set_ylabel(label, fontsize=9, color=_INK)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="lower center", bbox_to_anchor=(0.5, 0.075), ncols=4, frameon=False, fontsize=9
    )
    run = results.run
    figure.text(0.06, 0.93, _title(run), fontsize=13, color=_INK, weight="bold", parse_math=False)
    figure.text(0.06, 0.025, _footer(results), fontsize=8, color="#555555", parse_math=False)
    return figure


def _panel(axis: Axes, results: Results, metric: str, place: dict[int, int]) -> None:
    for query, label, colour, marker in LINES:
        rows = [results.find(metric, k, query) for k in place]
        _line(axis, [r for r in rows if r], place, label, colour, marker)
    line = [r for k in place if (r := results.find(metric, k, of="constant"))]
    axis.plot(
        [place[r.k] for r in line],
        [r.value for r in line],
        color=_CONSTANT,
        linestyle=(0, (4, 3)),
        linewidth=1.3,
        label="constant method, all queries",
        zorder=1,
    )
    # Few, roughly geometric K: equal steps read well, and K = 0 has a place on the axis.
    axis.set_xticks(list(place.values()), [str(k) for k in place])
    axis.set_xlim(-0.35, len(place) - 0.65)
    if 0 in place and len(place) > 1:
        axis.axvspan(-0.35, 0.5, color="#f3f3f3", zorder=0, linewidth=0)
    _value_axis(axis)
    axis.set_xlabel("K, labels of the new family", fontsize=9, color=_INK)
    axis.tick_params(colors=_INK, labelsize=9, length=3)
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color("#aaaaaa")


def _value_axis(axis: Axes) -> None:
    """From zero, with air above the highest line; logarithmic where zero-shot errors dwarf the rest."""
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in axis.get_lines()]
    values: list[float] = [y for line in drawn for y in line.tolist() if y > 0]
    if values and max(values) > 30 * min(values):
        axis.set_yscale("log")
    else:
        axis.set_ylim(0, max(axis.get_ylim()[1], 1.08 * max(values, default=1.0)))


def _line(
    axis: Axes, rows: list[AggregateRow], place: dict[int, int], label: str, colour: str, marker: str
) -> None:
    """K = 0 stands apart: its point is not joined to the adapted ones."""
    adapted = [r for r in rows if r.k > 0]
    axis.plot(
        [place[r.k] for r in adapted],
        [r.value for r in adapted],
        color=colour,
        marker=marker,
        markersize=5,
        linewidth=1.8,
        label=label,
        zorder=3,
    )
    bounded = [r for r in adapted if r.ci95[0] is not None]
    axis.fill_between(
        [place[r.k] for r in bounded],
        np.array([r.ci95[0] for r in bounded], dtype=float),
        np.array([r.ci95[1] for r in bounded], dtype=float),
        color=colour,
        alpha=0.13,
        linewidth=0,
        zorder=2,
    )
    for row in rows:
        if row.k == 0:
            # "all" and "unseen" are the same queries at K = 0: side by side, not on top of each other.
            x = place[0] + {"o": -0.07, "^": 0.07}.get(marker, 0.0)
            axis.plot([x], [row.value], color=colour, marker=marker, markersize=5, zorder=3)
            if row.ci95[0] is not None:
                axis.plot(
                    [x, x],
                    np.array(row.ci95, dtype=float),
                    color=colour,
                    alpha=0.45,
                    linewidth=1.5,
                    zorder=2,
                )


def _title(run: dict[str, Any]) -> str:
    model = " · ".join(str(run[name]) for name in ("arch", "backend") if run.get(name))
    support = "" if run["support"] == Support.OWN else f" · {Support(run['support']).describe()}"
    return f"{run['method']}{' (' + model + ')' if model else ''} on {run['split']}{support}"


def _footer(results: Results) -> str:
    run = results.run
    families = len({row.family_id for row in results.episodes})
    draws = "1 draw" if run["draws"] == 1 else f"{run['draws']} draws"
    parts = [
        run["level_of_theory"],
        f"{run['split']} {run['split_version']}, data {run['data_hash'][:12]}",
        f"{families} {run['fold']} families, {draws}, seed {run['seed']}",
        "bands: 95 % over families",
    ]
    if left_out := run.get("exclude"):
        parts.append(f"without overlap with the train families of {left_out['against']}")
    if results.failures:
        parts.append(f"{len(results.failures)} failed episodes score a penalty")
    return "   |   ".join(parts)
