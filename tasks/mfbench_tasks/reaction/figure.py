"""The figure of the profiles: one panel a family, all its systems."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

__all__ = ["draw_profiles"]

_COLUMNS = 4
_COLOURS = {"pool": "#2b5c8a", "heldout": "#c8642b"}
_FOLDS = {"train": "#6b7280", "validation": "#8a6d2b", "test": "#2f7d4f"}


def draw_profiles(report: dict, path: Path) -> None:
    """Draw the profiles of a report (``reaction_report``) that are in the split."""
    families = report["families"]
    rows = -(-(len(families) + 1) // _COLUMNS)
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(3.1 * _COLUMNS, 2.5 * rows), layout="constrained")
    panels = list(axes.flat)
    for axis, family in zip(panels, families, strict=False):
        for system in family["systems"]:
            if system["role"] in _COLOURS:
                q, energy = np.array(system["q"]), system["profile"]
                axis.plot(q, energy, color=_COLOURS[system["role"]], lw=1.3, alpha=0.8)
        axis.axhline(0.0, color="#d1d5db", lw=0.8, zorder=0)
        axis.set_title(_short(family["title"]), fontsize=9, loc="left")
        axis.text(
            0.98, 0.95, family["fold"], transform=axis.transAxes, ha="right", va="top", fontsize=7.5,
            color=_FOLDS[family["fold"]],
        )  # fmt: skip
        axis.margins(y=0.14)
        axis.tick_params(labelsize=7.5, length=2)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in panels[len(families) :]:
        axis.axis("off")
    legend = panels[len(families)]
    for role, label in (("pool", "pool systems"), ("heldout", "held-out systems")):
        legend.plot([], [], color=_COLOURS[role], lw=2, label=label)
    legend.legend(loc="upper left", frameon=False, fontsize=9, title="GFN2-xTB, gas phase", title_fontsize=9)
    legend.get_legend().set_alignment("left")
    figure.supxlabel("reaction coordinate, Å: bonds that break less bonds that form", fontsize=9)
    figure.supylabel("energy above the reactant complex, kcal/mol", fontsize=9)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)


def _short(title: str) -> str:
    return title if len(title) <= 38 else title[:37].rsplit(" ", 1)[0] + " …"
