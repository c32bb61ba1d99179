"""The README's first picture: what a family is, and what K labels of it buy.

python docs/drawings/first_picture.py            # writes docs/first-picture.png
python docs/drawings/first_picture.py --check    # exit code 1 if the numbers it shows have changed

Numbers are those of ``results/cath-mini.json``. Their digest is kept inside the picture: pixels depend on
fonts, what is shown does not.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mfbench import Configuration, load_split
from mfbench.reporting.save_figure import save_small

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "first-picture.png"
RUNS = ROOT / "results" / "cath-mini.json"
FAMILY, FRAGMENTS = "2.30.42", 3
SHOWN = {
    "constant": ("no force field", "#8b97a3"),
    "scratch": ("trained on the K labels alone", "#c8553d"),
    "maml": ("MAML, then 20 steps", "#e0a030"),
    "pretrain": ("pre-trained, then 20 steps", "#2a6f97"),
}
"""Method → words and colour."""
LABELS = {"constant": (5.0, 20.6), "scratch": (5.0, 11.3), "maml": (5.0, 3.6), "pretrain": (5.0, 3.15)}
"""Method → where its words end: (place of K, error)."""
SIZES = {1: 0.25, 6: 0.42, 7: 0.4, 8: 0.4, 16: 0.55}
COLOURS = {1: "#f2f2f2", 6: "#53585f", 7: "#4169c8", 8: "#d1493f", 16: "#dcb32c"}


def read_curves() -> dict[str, list[tuple[int, float]]]:
    """Method → (K, force RMSE in kcal/mol/Å, mean over test families)."""
    runs = json.loads(RUNS.read_text())
    return {name: _curve(runs[name]) for name in SHOWN}


def digest(curves: dict[str, list[tuple[int, float]]]) -> str:
    """Of the numbers, rounded as a reader sees them."""
    text = json.dumps({n: [[k, round(v, 3)] for k, v in c] for n, c in curves.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def draw(curves: dict[str, list[tuple[int, float]]]) -> plt.Figure:
    """The picture: fragments on the left, curves on the right."""
    figure = plt.figure(figsize=(10.5, 3.9))
    grid = figure.add_gridspec(
        FRAGMENTS, 2, width_ratios=[1, 2.3], left=0.01, right=0.985, top=0.88, bottom=0.13, hspace=0.0
    )
    for i, configuration in enumerate(_fragments()):
        _molecule(figure.add_subplot(grid[i, 0]), configuration)
    figure.text(0.02, 0.92, "a family that training never saw", weight="bold", size=11)
    figure.text(0.02, 0.03, "fragments of PDB structures: PDZ domain, cath-mini", color="#5b6670", size=8.5)
    axes = figure.add_subplot(grid[:, 1])
    ks = sorted({k for curve in curves.values() for k, _ in curve})
    for name, (words, colour) in SHOWN.items():
        measured, errors = zip(*curves[name], strict=True)
        axes.plot([ks.index(k) for k in measured], errors, "o-", color=colour, lw=2, ms=5)
        x, y = LABELS[name]
        axes.text(x, y, f"{words}: {name}", color=colour, size=9.5, weight="bold", ha="right")
    axes.set_xticks(range(len(ks)), ks)
    axes.set_yscale("log")
    axes.set_yticks([3, 5, 10, 20], ["3", "5", "10", "20"])
    axes.minorticks_off()
    axes.set_xlabel("labels of the new family, K")
    axes.set_ylabel("force error, kcal/mol/Å")
    axes.grid(axis="y", color="#e3e7ea")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(2.6, 29)
    figure.text(0.352, 0.92, "what K labels of it buy (mean over 6 such families)", weight="bold", size=11)
    return figure


def main() -> None:
    """Write the picture, or check it."""
    curves = read_curves()
    if "--check" in sys.argv:
        kept = Image.open(PICTURE).text.get("numbers") if PICTURE.is_file() else None
        if kept != digest(curves):
            sys.exit(f"{PICTURE.name} shows other numbers: run python docs/drawings/first_picture.py")
        return
    save_small(draw(curves), PICTURE, dpi=130)
    kept = PngInfo()
    kept.add_text("numbers", digest(curves))
    Image.open(PICTURE).save(PICTURE, pnginfo=kept, optimize=True)


def _curve(run: dict) -> list[tuple[int, float]]:
    rows = [
        (row["k"], row["value"])
        for row in run["aggregate"]
        if row["metric"] == "force_rmse" and row["query"] == "all"
    ]
    return sorted(rows)


def _fragments() -> list[Configuration]:
    """The first configuration of the family's first fragments of two residues or more."""
    (task,) = [t for t in load_split("cath-mini").test if t.family_id == FAMILY]
    found: dict[str, Configuration] = {}
    for configuration in task.support:
        found.setdefault(configuration.fragment_id, configuration)
    return sorted(found.values(), key=len)[-FRAGMENTS:]


def _molecule(axes: Axes, configuration: Configuration) -> None:
    """Balls and sticks in the plane of largest extent."""
    centred = configuration.positions - configuration.positions.mean(axis=0)
    x, y, depth = (centred @ np.linalg.svd(centred, full_matrices=False)[2].T).T
    numbers = configuration.atomic_numbers
    distances = np.linalg.norm(centred[:, None] - centred, axis=-1)
    heavy = numbers > 1
    longest = np.where(heavy[:, None] & heavy, 1.95, 1.3) * (1 - np.eye(len(x)))
    for i, j in np.argwhere(np.triu(distances < longest, 1)):
        axes.plot(x[[i, j]], y[[i, j]], color="#9aa4ad", lw=2.2, zorder=1, solid_capstyle="round")
    for i in np.argsort(depth):
        circle = plt.Circle(
            (x[i], y[i]),
            SIZES[int(numbers[i])],
            color=COLOURS[int(numbers[i])],
            ec="#33414d",
            lw=0.6,
            zorder=2,
        )
        axes.add_patch(circle)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.margins(0.02)


if __name__ == "__main__":
    main()
