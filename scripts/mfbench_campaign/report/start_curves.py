"""How the starts that ship were trained: error against gradients, along every phase."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import mfbench.embedded
from mfbench.compare.text import markdown
from mfbench.reporting.save_figure import save_small
from mfbench_campaign.report.convergence import is_converged
from mfbench_campaign.report.figures import INK, STYLES, plain_axis

__all__ = ["Phase", "save_start_curves", "shipped_phases", "start_table"]

CHECKPOINTS = Path(mfbench.embedded.__path__[0]) / "checkpoints"
ORDER = ("levels", "levels-mini", "cath-mini", "chemistry-mini")


@dataclass(frozen=True)
class Phase:
    """A phase of a start.

    Attributes:
        construction: what it was trained on.
        method: whose phase it is, or ``joint``.
        begins: gradients of the phases before it.
        gradients: its own.
        outer_steps: optimiser steps.
        displacement: how far it moved the weights, relative to their norm; None: not recorded.
        validation: what was measured along it, errors in kcal/mol and kcal/mol/Å.
    """

    construction: str
    method: str
    begins: int
    gradients: int
    outer_steps: int
    displacement: float | None
    validation: list[Mapping[str, float]]

    @classmethod
    def all_of(cls, card: Mapping[str, Any]) -> list[Phase]:
        """From a card, in order."""
        found: list[Phase] = []
        for phase in card["phases"]:
            found.append(
                cls(
                    construction=card["split"],
                    method=phase["name"],
                    begins=sum(before.gradients for before in found),
                    gradients=phase["gradients"],
                    outer_steps=phase["done"],
                    displacement=phase.get("displacement"),
                    validation=_of_full_pieces(phase["validation"]),
                )
            )
        return found

    def gradients_at(self, step: float) -> float:
        """Gradients in all after so many of its steps."""
        return self.begins + self.gradients * step / self.outer_steps


def _of_full_pieces(validation: list[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """Without a last row that a few steps are behind: its training loss is theirs alone."""
    if len(validation) > 1 and validation[-1]["step"] - validation[-2]["step"] < validation[0]["step"] / 2:
        return validation[:-1]
    return validation


def shipped_phases(folder: Path = CHECKPOINTS) -> list[Phase]:
    """Every phase of the starts of the reference network once, by construction."""
    cards = [
        json.loads(p.read_text()) for name in ORDER for p in sorted((folder / name).glob("mace-*.json"))
    ]
    found = [phase for card in cards for phase in Phase.all_of(card)]
    return list({(p.construction, p.method): p for p in found}.values())


def start_table(phases: list[Phase]) -> str:
    """A row per phase: what it had, and whether it had levelled off."""
    rows = []
    for phase in phases:
        first, last = phase.validation[0]["force_rmse"], phase.validation[-1]["force_rmse"]
        moved = "–" if phase.displacement is None else f"{phase.displacement:.3f}"
        state = "levelled off" if is_converged(phase.validation) else "**still falling**"
        budget = [f"{phase.begins:,}", f"{phase.gradients:,}", f"{phase.outer_steps:,}", moved]
        rows.append([phase.construction, f"`{phase.method}`", *budget, f"{first:.2f} → {last:.2f}", state])
    head = ["construction", "start", "gradients before", "gradients of its phase", "steps"]
    return markdown([*head, "weights moved by", "validation forces, first → last", "forces"], rows)


def save_start_curves(phases: list[Phase], path: Path) -> None:
    """Validation force error (above) and training loss against gradients, a column per construction."""
    shown = [name for name in ORDER if any(p.construction == name for p in phases)]
    figure = Figure(figsize=(2.9 * len(shown), 5.6), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, len(shown), squeeze=False, sharex="col")
    figure.subplots_adjust(left=0.07, right=0.985, top=0.86, bottom=0.17, wspace=0.3, hspace=0.12)
    for column, name in enumerate(shown):
        for phase in (p for p in phases if p.construction == name):
            colour, marker = STYLES.get(phase.method, ("#000000", "."))
            x = [phase.gradients_at(row["step"]) / 1e3 for row in phase.validation]
            for axis, key in zip(grid[:, column], ("force_rmse", "train_loss"), strict=True):
                axis.plot(
                    x, [row[key] for row in phase.validation],
                    color=colour, marker=marker, markersize=3.5, linewidth=1.2, label=phase.method,
                )  # fmt: skip
        grid[0][column].set_title(name, fontsize=11, color=INK, loc="left")
        grid[1][column].set_xlabel("thousand gradients", fontsize=9, color=INK)
        for axis in grid[:, column]:
            plain_axis(axis, "y")
    for axis, label in zip(grid[:, 0], ("validation forces (kcal/mol/Å)", "training loss"), strict=True):
        axis.set_ylabel(label, fontsize=9, color=INK)
    handles = {
        label: handle
        for axis in grid[0]
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="lower center",
        ncols=len(handles),
        frameon=False,
        fontsize=9,
    )
    title = "How the starts that ship were trained, and where they stood when training ended"
    figure.text(0.07, 0.945, title, fontsize=13, color=INK, weight="bold")
    save_small(figure, path)
