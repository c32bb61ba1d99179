"""The figure of a split: what its families, fragments, labels and samples are like."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.elements import symbol
from mfbench.data.side_tables import SideTables
from mfbench.data.split import Fold, Split
from mfbench.work.files import written

__all__ = ["draw_overview", "save_overview"]

# Okabe-Ito colours, as in the figure of a run.
_FOLDS: dict[str, str] = {Fold.TRAIN: "#0072B2", Fold.VALIDATION: "#009E73", Fold.TEST: "#D55E00"}
_OTHER = ("#56B4E9", "#E69F00", "#CC79A7", "#999999", "#F0E442", "#333333")
_INK = "#333333"


def save_overview(split: Split, tables: SideTables, path: Path) -> None:
    """Write the overview as PNG; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as temporary:
        draw_overview(split, tables).savefig(temporary, format="png", dpi=130)


def draw_overview(split: Split, tables: SideTables) -> Figure:
    """Eight panels. No global matplotlib state is read or changed."""
    figure = Figure(figsize=(14, 7.2), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 4).ravel()
    figure.subplots_adjust(left=0.085, right=0.985, top=0.85, bottom=0.085, wspace=0.36, hspace=0.42)
    found = {fold: [c for t in split.fold(fold) for c in t.everything] for fold in _FOLDS}
    everything = [c for configurations in found.values() for c in configurations]
    kinds = tables.fragments.get("kind")

    _bars(axes[0], "Families by class", "families", _families(split), dict(_FOLDS))
    if kinds is None:
        _bars(axes[1], "Fragments", "fragments", {"all": {"fragments": len(tables.fragments)}})
    else:
        _bars(
            axes[1],
            "Fragments by kind",
            "fragments",
            _kinds(split, {str(k): str(v) for k, v in kinds.items()}),
            dict(_FOLDS),
        )
    _histogram(axes[2], "Sizes", "atoms", {f: np.array([len(c) for c in cs]) for f, cs in found.items()})
    _bars(axes[3], "Elements", "configurations that hold it", _elements(found), dict(_FOLDS), log=True)
    energies = {fold: _within(configurations) for fold, configurations in found.items()}
    _histogram(axes[4], "Energies, less each fragment's mean", "kcal/mol", energies)
    forces = {
        f: np.concatenate([np.linalg.norm(c.label[1], axis=1) for c in cs] or [np.zeros(0)])
        for f, cs in found.items()
    }
    _histogram(axes[5], "Force on an atom", "eV/Å", forces, log=True)
    _bars(axes[6], "Temperature and sampler", "configurations", _samplers(everything), vertical=True)
    _bars(axes[7], "Charge and spin", "fragments", _charges(everything), vertical=True)

    axes[6].set_xlabel("temperature (K)", fontsize=9, color=_INK)
    axes[7].set_xlabel("total charge (e)", fontsize=9, color=_INK)
    handles = [axes[0].barh([0], [0], color=colour) for colour in _FOLDS.values()]
    figure.legend(
        handles, list(_FOLDS), loc="upper right", bbox_to_anchor=(0.985, 0.975), ncols=3, frameon=False
    )
    manifest = split.manifest
    figure.text(
        0.02, 0.945, f"{split.name} {manifest.version}", fontsize=14, weight="bold", color=_INK, va="center"
    )
    counted = f"{len(split.tasks)} families, {len(tables.fragments):,} fragments, {len(everything):,}"
    figure.text(
        0.02,
        0.905,
        f"{counted} configurations   |   {manifest.level_of_theory}   |   data {manifest.data_hash[:12]}",
        fontsize=9,
        color="#555555",
        va="center",
    )
    return figure


def _families(split: Split) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = defaultdict(Counter)
    for task in split.tasks:
        rows[task.stratum][task.fold] += 1
    return dict(sorted(rows.items()))


def _kinds(split: Split, kinds: Mapping[str, str]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = defaultdict(Counter)
    for task in split.tasks:
        for fragment in task.graphs:
            rows[kinds[fragment]][task.fold] += 1
    return dict(sorted(rows.items()))


def _elements(found: Mapping[str, list[Configuration]]) -> dict[str, dict[str, int]]:
    rows: dict[int, dict[str, int]] = defaultdict(Counter)
    for fold, configurations in found.items():
        for c in configurations:
            for number in np.unique(c.atomic_numbers):
                rows[int(number)][fold] += 1
    return {symbol(number): rows[number] for number in sorted(rows)}


def _samplers(configurations: list[Configuration]) -> dict[str, dict[str, int]]:
    rows: dict[float, dict[str, int]] = defaultdict(Counter)
    for c in configurations:
        rows[c.temperature_K][c.sampler] += 1
    return {f"{temperature:.0f}": rows[temperature] for temperature in sorted(rows)}


def _charges(configurations: list[Configuration]) -> dict[str, dict[str, int]]:
    states = {c.fragment_id: (c.total_charge, c.n_unpaired) for c in configurations}
    rows: dict[int, dict[str, int]] = defaultdict(Counter)
    for charge, unpaired in states.values():
        rows[charge][f"{unpaired} unpaired"] += 1
    return {f"{charge:+d}".replace("-", "−") if charge else "0": rows[charge] for charge in sorted(rows)}


def _within(configurations: list[Configuration]) -> np.ndarray:
    """Energies less the mean of their fragment, kcal/mol."""
    names, where = np.unique([c.fragment_id for c in configurations], return_inverse=True)
    energies = np.array([c.energy for c in configurations])
    means = np.bincount(where, energies, len(names)) / np.maximum(
        np.bincount(where, minlength=len(names)), 1
    )
    return (energies - means[where]) * EV_TO_KCAL_MOL if len(names) else energies


def _bars(
    axis: Axes,
    title: str,
    label: str,
    rows: Mapping[str, Mapping[str, int]],
    colours: dict[str, str] | None = None,
    *,
    log: bool = False,
    vertical: bool = False,
) -> None:
    """Stacked bars, one per row; on a log axis the parts stand side by side, since logs do not add up."""
    parts = list(colours or sorted({part for row in rows.values() for part in row}))
    shade = colours or dict(zip(parts, _OTHER * len(parts), strict=False))
    at, base = np.arange(len(rows)), np.zeros(len(rows))
    width = 0.8 / len(parts) if log else 0.7
    for i, part in enumerate(parts):
        values = np.array([row.get(part, 0) for row in rows.values()])
        shift = (i - (len(parts) - 1) / 2) * width if log else 0.0
        options: dict[str, Any] = {"color": shade[part], "label": part}
        if vertical:
            axis.bar(at + shift, values, width, bottom=base, **options)
        else:
            axis.barh(at + shift, values, width, left=0 if log else base, **options)
        base = base if log else base + values
    names = list(rows)
    if vertical:
        axis.set_xticks(at, names)
        axis.set_ylabel(label, fontsize=9, color=_INK)
        axis.set_xlim(-0.6, max(len(rows), 2) - 0.4)
        above = 1.08 + 0.09 * -(-len(parts) // 2)  # room for the legend, two entries a line
        axis.set_ylim(0, above * max(base, default=1))
    else:
        axis.set_yticks(at, names)
        axis.invert_yaxis()
        axis.set_xlabel(label, fontsize=9, color=_INK)
    if log:
        axis.set_xscale("log")
        axis.set_xlim(left=1)
    else:
        (axis.yaxis if vertical else axis.xaxis).set_major_locator(MaxNLocator(5, integer=True))
    if colours is None:
        axis.legend(fontsize=8, frameon=False, loc="upper left", ncols=2, handlelength=1.2)
    _style(axis, title, "y" if vertical else "x", crowded=len(rows) > 14)


def _histogram(
    axis: Axes, title: str, label: str, values: Mapping[str, np.ndarray], *, log: bool = False
) -> None:
    """Share of the configurations (or atoms) of each fold, so that folds of any size compare."""
    everything = np.concatenate(list(values.values()))
    lo, hi = float(everything.min()), float(everything.max())
    whole = np.issubdtype(everything.dtype, np.integer)
    bins = np.arange(lo - 0.5, hi + 1.5) if whole else np.linspace(lo, hi + 1e-9, 41)
    for fold, found in values.items():
        if len(found):
            counts = np.histogram(found, bins)[0] / len(found) * 100
            axis.stairs(counts, bins, color=_FOLDS[fold], linewidth=1.6)
    if log:
        axis.set_yscale("log")
    axis.set_xlabel(label, fontsize=9, color=_INK)
    axis.set_ylabel("% of the fold", fontsize=9, color=_INK)
    _style(axis, title, "y")


def _style(axis: Axes, title: str, grid: Literal["x", "y", "both"], *, crowded: bool = False) -> None:
    axis.set_title(title, fontsize=11, color=_INK, loc="left")
    axis.tick_params(colors=_INK, labelsize=7 if crowded else 9, length=3)
    axis.grid(axis=grid, color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color("#aaaaaa")
