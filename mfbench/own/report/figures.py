"""Figures of the report as inline SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.own.learning_curve import LearningCurve
from mfbench.own.report.content import Parity

__all__ = ["curve_svg", "parity_svg"]

_BLUE, _GREY, _COLOURS = "#2b6cb0", "#9aa5b1", ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1")
_POINTS = 4000
"""Force components that are drawn; more are thinned evenly."""


def parity_svg(parity: Parity) -> list[str]:
    """Predicted against true energies (less their mean, with intervals), and force components."""
    mean = parity.energies.mean()
    energies = _panel(
        (parity.energies - mean) * EV_TO_KCAL_MOL,
        (parity.predicted_energies - mean) * EV_TO_KCAL_MOL,
        parity.energy_half_widths * EV_TO_KCAL_MOL,
        "energy less mean, kcal/mol",
    )
    keep = np.unique(np.linspace(0, len(parity.forces) - 1, _POINTS).astype(int))
    forces = _panel(
        parity.forces[keep] * EV_TO_KCAL_MOL,
        parity.predicted_forces[keep] * EV_TO_KCAL_MOL,
        None,
        "force component, kcal/mol/Å",
    )
    return [energies, forces]


def _panel(true: np.ndarray, predicted: np.ndarray, half_widths: np.ndarray | None, what: str) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 3.9), layout="constrained")
    axes = figure.subplots()
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    pad = 0.05 * (high - low) or 1.0
    axes.plot([low - pad, high + pad], [low - pad, high + pad], color=_GREY, lw=1, zorder=1)
    if half_widths is not None:
        axes.errorbar(true, predicted, half_widths, fmt="none", ecolor=_BLUE, alpha=0.35, lw=1, zorder=2)
    axes.scatter(
        true, predicted, s=9 if half_widths is not None else 3, color=_BLUE, alpha=0.6, lw=0, zorder=3
    )
    axes.set(xlim=(low - pad, high + pad), ylim=(low - pad, high + pad), aspect="equal")
    axes.set_xlabel(f"label: {what}")
    axes.set_ylabel("prediction, not trained on")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return _svg(figure)


def curve_svg(curves: Mapping[str, LearningCurve]) -> str:
    """Force error against labels, measured and continued to the next doubling."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.subplots()
    ticks: set[int] = set()
    for (name, curve), colour in zip(curves.items(), _COLOURS, strict=False):
        axes.plot(curve.labels, curve.errors, "o-", color=colour, ms=5, lw=1.6, label=name)
        last = curve.labels[-1]
        axes.plot(
            [last, 2 * last],
            [curve.errors[-1], curve.errors[-1] / curve.doubling],
            ":",
            color=colour,
            lw=1.6,
        )
        ticks |= {*curve.labels, 2 * last}
    axes.set(xscale="log", yscale="log", xlabel="labels", ylabel="force error, kcal/mol/Å")
    axes.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(ScalarFormatter())
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False)
    return _svg(figure)


def _svg(figure: Any) -> str:
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.hashsalt": "mfbench", "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
