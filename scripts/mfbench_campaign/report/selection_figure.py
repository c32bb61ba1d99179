"""Error against labels, by who chooses them: ``mfbench active`` beside random selection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mfbench.reporting.save_figure import save_small
from mfbench_campaign.report.figures import INK, plain_axis

__all__ = ["save_selection"]

STYLES = {"random": ("#777777", "x"), "farthest": ("#0072B2", "o"), "uncertainty": ("#D55E00", "s")}
PANELS = (("force_rmse", "force RMSE (kcal/mol/Å)"), ("within_rmse", "energy RMSE within (kcal/mol)"))


def save_selection(record: Mapping[str, Any], path: Path) -> None:
    """Geometric means over molecules and seeds, a thin line per molecule.

    Args:
        record: ``results/active.json``, which ``scripts/active_table.py`` wrote.
        path: of the figure.
    """
    figure = Figure(figsize=(8.4, 3.9), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.08, right=0.985, top=0.84, bottom=0.22, wspace=0.22)
    for axis, (metric, label) in zip(grid, PANELS, strict=True):
        for selector, (colour, marker) in STYLES.items():
            for curve in _curves(record["rows"], selector, metric, ("molecule",)).values():
                axis.plot(list(curve), list(curve.values()), color=colour, linewidth=0.6, alpha=0.45)
            mean = _curves(record["rows"], selector, metric, ())[()]
            axis.plot(list(mean), list(mean.values()), color=colour, marker=marker, label=selector)
        axis.set_xlabel("labels", fontsize=9, color=INK)
        axis.set_ylabel(label, fontsize=9, color=INK)
        axis.set_xticks(sorted({row["labels"] for row in record["rows"]}))
        plain_axis(axis, "y")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, frameon=False, fontsize=9)
    title = "Error against labels, by who chooses them (thin: each molecule)"
    figure.text(0.08, 0.915, title, fontsize=12, color=INK, weight="bold")
    save_small(figure, path)


def _curves(
    rows: list[Mapping[str, Any]], selector: str, metric: str, by: tuple[str, ...]
) -> dict[tuple[Any, ...], dict[int, float]]:
    """Labels → geometric mean of an error over all rows that agree in ``by``."""
    found: dict[tuple[Any, ...], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["selector"] == selector:
            found[tuple(row[key] for key in by)][row["labels"]].append(row[metric])
    return {
        key: {k: float(np.exp(np.mean(np.log(errors)))) for k, errors in sorted(curve.items())}
        for key, curve in found.items()
    }
