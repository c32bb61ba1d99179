"""The figure of the profiles: one panel per family, all its systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mfbench.reporting.save_figure import save_small

__all__ = ["draw_profiles"]

_COLUMNS = 5
# Okabe-Ito colours, as in the figure of a run.
_ROLES = {"pool": ("#0072B2", "pool systems"), "heldout": ("#D55E00", "held-out systems")}
_INK, _FAINT = "#333333", "#BBBBBB"


def draw_profiles(report: dict[str, Any], path: Path) -> None:
    """Draw the profiles of a report (``reaction_report``) that are in the split, as PNG."""
    families = report["families"]
    rows = -(-(len(families) + 1) // _COLUMNS)
    figure = Figure(figsize=(2.6 * _COLUMNS, 2.4 * rows), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, _COLUMNS, squeeze=False).flat)
    for axis, family in zip(panels, families, strict=False):
        _panel(axis, family)
    for axis in panels[len(families) :]:
        axis.axis("off")
    _legend(panels[len(families)])
    figure.supxlabel(
        "reaction coordinate (Å): lengths of bonds that break less those that form",
        fontsize=9.5,
        color=_INK,
    )
    figure.supylabel("energy above the first point (kcal/mol)", fontsize=9.5, color=_INK)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_small(figure, path)


def _panel(axis: Axes, family: dict[str, Any]) -> None:
    axis.axhline(0.0, color=_FAINT, lw=0.8, zorder=0)
    for system in family["systems"]:
        if system["role"] in _ROLES:
            colour, _ = _ROLES[system["role"]]
            axis.plot(system["q"], system["profile"], color=colour, lw=1.3, alpha=0.8)
    axis.set_title(f"{family['family']} ({family['fold']})", fontsize=9.5, color=_INK, loc="left")
    axis.margins(x=0.03, y=0.1)
    axis.tick_params(labelsize=8, length=2, colors=_INK)
    axis.spines[["top", "right"]].set_visible(False)


def _legend(axis: Axes) -> None:
    for colour, label in _ROLES.values():
        axis.plot([], [], color=colour, lw=2, label=label)
    legend = axis.legend(
        loc="upper left", frameon=False, fontsize=9, title="GFN2-xTB, gas phase", title_fontsize=9
    )
    legend.set_alignment("left")
