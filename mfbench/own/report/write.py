"""The report as one HTML file: figures, tables and molecules inside, nothing fetched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mfbench.data.elements import symbol
from mfbench.own.report.content import ReportContent, WorstConfiguration
from mfbench.own.report.figures import curve_svg, parity_svg

__all__ = ["write_report"]


def write_report(content: ReportContent, path: Path) -> None:
    """Write the page.

    Args:
        content: what it shows.
        path: of the HTML file.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mfbench.own.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        content=content,
        parity=parity_svg(content.parity),
        curve=curve_svg(content.curves) if content.curves else "",
        molecules=json.dumps([_molecule(w) for w in content.worst]),
    )
    path.write_text(page, encoding="utf-8")


def _molecule(worst: WorstConfiguration) -> dict[str, object]:
    """Centred positions, bonds and errors for the page's drawing code."""
    centred = worst.positions - worst.positions.mean(axis=0)
    return {
        "name": worst.name,
        "symbols": [symbol(int(z)) for z in worst.numbers],
        "positions": np.round(centred, 3).tolist(),
        "bonds": worst.bonds.tolist(),
        "errors": np.round(worst.atom_errors, 2).tolist(),
        "energy": round(float(worst.energy_error), 2),
    }
