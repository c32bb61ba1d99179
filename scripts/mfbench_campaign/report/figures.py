"""The figures of RESULTS.md, from records."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.record import RECORDED
from mfbench.reporting.save_figure import save_small
from mfbench_campaign.headline import FEW, MANY
from mfbench_campaign.records import CONSTRUCTIONS, Records

__all__ = ["INK", "STYLES", "plain_axis", "save_headline", "save_ratios"]

# Okabe-Ito colours and markers: told apart with any colour vision, and without colour.
STYLES = {
    "scratch": ("#777777", "x"),
    "offset": ("#000000", "D"),
    "ridge": ("#56B4E9", "v"),
    "pretrain": ("#0072B2", "o"),
    "maml": ("#D55E00", "s"),
    "fomaml": ("#E69F00", "^"),
    "reptile": ("#009E73", "P"),
    "maml++": ("#CC79A7", "*"),
    "anil": ("#8B5A2B", "h"),
    "maml, faster-outer": ("#D55E00", "D"),
    "reptile, faster-outer": ("#7B3294", "X"),
}
LONGER = {"300-steps": ("300", "white"), "2000-steps": ("2,000", "#FFE680")}
"""Mark of a run → its steps, and the colour that fills its marker."""
TITLES = {"energy_rmse": "energy", "energy_rmse_within": "energy within fragments", "force_rmse": "forces"}
INK = "#333333"


def save_ratios(records: Records, path: Path, *, line: str = "pretrain") -> None:
    """Error of ``line`` over the error of each method at K = 10 and 50, with intervals; right is better."""
    figure = Figure(figsize=(11.5, 5.2), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(1, 3)
    figure.subplots_adjust(left=0.09, right=0.985, top=0.84, bottom=0.2, wspace=0.08)
    ran = {m for c in CONSTRUCTIONS for m in records.methods(c)} - {line, "scratch"}
    methods = [m for m in STYLES if m in ran]
    for axis, construction in zip(grid, CONSTRUCTIONS, strict=True):
        _ratios(axis, records, construction, methods, line)
        axis.set_title(construction, fontsize=11, color=INK, loc="left")
        names = [method.replace(", ", ",\n") for method in methods] if axis is grid[0] else []
        axis.set_yticks(range(len(methods)), names)
        axis.set_ylim(-0.6, len(methods) - 0.4)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, frameon=False, fontsize=9)
    title = f"Does anything beat {line}?  Error of {line} ÷ error of the method, K = 50"
    figure.text(0.02, 0.93, title, fontsize=13, color=INK, weight="bold")
    save_small(figure, path)


def _ratios(axis: Axes, records: Records, construction: str, methods: list[str], line: str) -> None:
    colours = {"energy_rmse": "#D55E00", "energy_rmse_within": "#009E73", "force_rmse": "#0072B2"}
    reference = records.seeds(construction, line)
    for place, method in enumerate(methods):
        found = records.seeds(construction, method)
        if not found or not reference:
            axis.text(1.0, place, "not run", fontsize=8, color="#888888", ha="center", va="center")
            continue
        for shift, metric in zip((0.22, 0.0, -0.22), RECORDED, strict=True):
            value = contrast(reference, found, metric, MANY)
            if value is None:
                continue
            low, high = value.value - value.lo, value.hi - value.value
            axis.errorbar(
                value.value, place + shift, xerr=[[low], [high]], color=colours[metric], fmt="o",
                markersize=4, linewidth=1.6, label=TITLES[metric] if place == 0 else None,
            )  # fmt: skip
    axis.axvline(1.0, color="#777777", linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    axis.set_xlabel("above 1: better than it", fontsize=9, color=INK)
    plain_axis(axis, "x")


def save_headline(records: Records, path: Path) -> None:
    """Force error (above) and energy error against K for every construction; dashed: one seed alone."""
    figure = Figure(figsize=(11.5, 7.4), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, 3)
    figure.subplots_adjust(left=0.06, right=0.985, top=0.88, bottom=0.15, wspace=0.17, hspace=0.28)
    rows = (("force_rmse", "force RMSE (kcal/mol/Å)"), ("energy_rmse", "energy RMSE (kcal/mol)"))
    for line, (metric, label) in zip(grid, rows, strict=True):
        for axis, construction in zip(line, CONSTRUCTIONS, strict=True):
            _against_k(axis, records, construction, metric)
            axis.set_title(construction, fontsize=11, color=INK, loc="left")
        line[0].set_ylabel(label, fontsize=9, color=INK)
    handles = {
        label: handle
        for axis in grid.ravel()
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    shown = sorted(handles, key=lambda name: (", " in name, list(STYLES).index(name.partition(",")[0])))
    figure.legend(
        [handles[n] for n in shown], shown, loc="lower center", ncols=7, frameon=False, fontsize=9,
        bbox_to_anchor=(0.5, 0.015),
    )  # fmt: skip
    title = "Few-shot force fields: error against the number of labels of a new family"
    figure.text(0.06, 0.945, title, fontsize=13, color=INK, weight="bold")
    note = "mean over meta-training seeds; dashed: one seed"
    figure.text(0.985, 0.975, note, fontsize=9, color=INK, ha="right")
    save_small(figure, path)


def _against_k(axis: Axes, records: Records, construction: str, metric: str) -> None:
    places = {0: 0, FEW: 1, MANY: 2}
    methods = [m for m in records.methods(construction) if m in STYLES]
    for number, method in enumerate(methods):
        found = records.seeds(construction, method)
        at = {k: value for k in places if k in found[0].ks and (value := mean_error(found, metric, k))}
        ks, values = list(at), list(at.values())
        colour, marker = STYLES[method]
        # Points side by side, so that intervals of equal methods do not hide each other.
        x = [places[k] + 0.045 * (number - len(methods) / 2) for k in ks]
        axis.errorbar(
            x, [v.value for v in values],
            yerr=[[v.value - v.lo for v in values], [v.hi - v.value for v in values]],
            color=colour, marker=marker, markersize=5, linewidth=1.3, elinewidth=0.9, label=method,
            linestyle="--" if found[0].trained and len(found) == 1 else "-",
        )  # fmt: skip
    for method, (mark, (steps, fill)) in product(methods, LONGER.items()):
        longer = records.seeds(construction, method, mark)
        if value := mean_error(longer, metric, MANY):
            colour, marker = STYLES[method]
            axis.plot(
                places[MANY] + 0.3, value.value, color=colour, marker=marker,
                markersize=7, markerfacecolor=fill, linestyle="none", label=f"{method}, {steps} steps",
            )  # fmt: skip
    axis.set_xticks(list(places.values()), [str(k) for k in places])
    axis.set_xlabel("K", fontsize=9, color=INK, labelpad=1)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_minor_formatter(lambda value, _: f"{value:g}")
    plain_axis(axis, "y")


def plain_axis(axis: Axes, lines: Literal["x", "y"]) -> None:
    """Light grid lines across one direction, small ticks, no box."""
    axis.grid(axis=lines, color="#dddddd", linewidth=0.6, which="both")
    axis.set_axisbelow(True)
    axis.tick_params(colors=INK, labelsize=8, which="both", length=3)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color("#aaaaaa")
