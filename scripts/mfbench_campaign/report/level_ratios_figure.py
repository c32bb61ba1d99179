"""Rivals ÷ the best meta-learner at a level of theory that training never saw, a panel per level."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mfbench.metrics.statistics import Interval
from mfbench.reporting.save_figure import save_small
from mfbench_campaign.report.figures import INK, plain_axis
from mfbench_campaign.report.level_aims import ratio_of_rows
from mfbench_campaign.report.level_finding import FEW, LEVELS
from mfbench_campaign.report.meta_finding import best_meta
from mfbench_campaign.report.public_finding import MODEL

__all__ = ["save_level_ratios"]


def save_level_ratios(record: Mapping[str, Any], path: Path) -> None:
    """Force errors with 10 labels; right of the line the meta-learner is better.

    Args:
        record: ``results/levels.json``, which ``scripts/run_table.py`` wrote.
        path: of the figure.
    """
    figure = Figure(figsize=(10.4, 4.0), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(1, len(LEVELS))
    figure.subplots_adjust(left=0.13, right=0.98, top=0.77, bottom=0.14, wspace=0.42)
    for axis, (level, called) in zip(grid, LEVELS.items(), strict=True):
        best = best_meta(record, level)
        if best is None:
            continue
        values = {**_public(record, level, best.method), **best.values}
        for place, value in enumerate(values.values()):
            beyond = [[value.value - value.lo], [value.hi - value.value]]
            axis.errorbar(value.value, place, xerr=beyond, color="#0072B2", fmt="o", markersize=5)
        axis.set_yticks(range(len(values)), list(values))
        axis.set_ylim(-0.6, len(values) - 0.4)
        axis.axvline(1.0, color="#777777", linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
        axis.set_xscale("log")
        for ticks in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
            ticks(lambda value, _: f"{value:g}")
        axis.set_title(f"{called}\nrival ÷ {best.method}", fontsize=10, color=INK, loc="left")
        plain_axis(axis, "x")
    title = f"Does meta-learning pay?  Force errors with {FEW} labels; right of 1 it does"
    figure.text(0.02, 0.93, title, fontsize=13, color=INK, weight="bold")
    save_small(figure, path)


def _public(record: Mapping[str, Any], level: str, method: str) -> dict[str, Interval]:
    """A public model as it is, and its best fine-tuning."""
    rows = {r["method"]: r for r in record["rows"] if (r["level"], r["k"]) == (level, FEW)}
    tuned = [name for name in rows if name.startswith(f"{MODEL}, ")]
    names = [min(tuned, key=lambda name: float(rows[name]["force_rmse"][0]))] if tuned else []
    names += [MODEL] if MODEL in rows else []
    group = record["groups"]["levels"]
    return {name: ratio_of_rows(rows[name], rows[method], "force_rmse", group) for name in names}
