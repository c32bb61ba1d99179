"""Force error against labels at a level of theory that training never saw, a panel per level."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mfbench.reporting.save_figure import save_small
from mfbench_campaign.report import figures
from mfbench_campaign.report.figures import INK, plain_axis
from mfbench_campaign.report.level_finding import LEVELS

__all__ = ["Row", "save_curves", "save_levels"]

Row = Mapping[str, Any]
Styles = Mapping[str, tuple[str, str]]
"""Method → colour and marker."""

STYLES = {
    **figures.STYLES,
    "gfn2": ("#BBBBBB", "d"),
    "gfn2-bond-terms": ("#8B5A2B", "p"),
    "scratch, on gfn2": ("#8B5A2B", "x"),
    "multihead": ("#7B3294", "<"),
    "fomaml, behind multihead": ("#D55E00", "^"),
    "so3lr": ("#CC79A7", "d"),
    "so3lr, head": ("#CC79A7", "*"),
    "so3lr, lora": ("#CC79A7", "P"),
    "pretrain, wrong-level": ("#0072B2", "X"),
}


def save_levels(record: Mapping[str, Any], path: Path) -> None:
    """Means over test families with 95 % intervals; methods without a force field are left out.

    Args:
        record: ``results/levels.json``, which ``scripts/run_table.py`` wrote.
        path: of the figure.
    """
    panels = {
        called: [row for row in record["rows"] if row["level"] == level] for level, called in LEVELS.items()
    }
    title = "Labels of a level of theory that training never saw: error against their number"
    save_curves({called: rows for called, rows in panels.items() if rows}, STYLES, title, path)


def save_curves(panels: Mapping[str, list[Row]], styles: Styles, title: str, path: Path) -> None:
    """Force errors against K.

    Args:
        panels: title → rows with ``method``, ``k``, ``force_rmse`` (value, lo, hi), ``families``.
        styles: method → colour and marker; others are left out.
        title: of the figure.
        path: of the figure.
    """
    figure = Figure(figsize=(5.2 * len(panels), 4.7), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    figure.subplots_adjust(left=0.065, right=0.985, top=0.84, bottom=0.27, wspace=0.14)
    for axis, (called, rows) in zip(grid, panels.items(), strict=True):
        _draw(axis, [row for row in rows if row["method"] in styles], styles)
        axis.set_title(f"{called}, {rows[0]['families']} families", fontsize=11, color=INK, loc="left")
    grid[0].set_ylabel("force RMSE (kcal/mol/Å)", fontsize=9, color=INK)
    handles = {
        label: handle
        for axis in grid
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    shown = [name for name in styles if name in handles]
    figure.legend(
        [handles[n] for n in shown], shown, loc="lower center", ncols=5, frameon=False, fontsize=9
    )
    figure.text(0.065, 0.93, title, fontsize=13, color=INK, weight="bold")
    save_small(figure, path)


def _draw(axis: Axes, rows: list[Row], styles: Styles) -> None:
    ks = sorted({row["k"] for row in rows})
    for number, (method, (colour, marker)) in enumerate(styles.items()):
        mine = sorted((row for row in rows if row["method"] == method), key=lambda row: row["k"])
        if not mine:
            continue
        errors = [row["force_rmse"] for row in mine]
        axis.errorbar(
            [ks.index(row["k"]) + 0.03 * (number % 7 - 3) for row in mine], [v for v, _, _ in errors],
            yerr=[[v - lo for v, lo, _ in errors], [hi - v for v, _, hi in errors]],
            color=colour, marker=marker, markersize=5, linewidth=1.3, elinewidth=0.9, label=method,
        )  # fmt: skip
    axis.set_xticks(range(len(ks)), [str(k) for k in ks])
    axis.set_xlabel("K, labels of the new family", fontsize=9, color=INK)
    axis.set_yscale("log")
    for ticks in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        ticks(lambda value, _: f"{value:g}")
    plain_axis(axis, "y")
