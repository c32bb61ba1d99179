"""``mfbench estimate``: what error to expect with K labels, before any is made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mfbench.cli.extras import extra
from mfbench.cli.label_options import Charge, Unpaired
from mfbench.errors import DataError

__all__ = ["register"]

HELP = """What error to expect with K labels of molecules like these, before any label is made.

IN: structures that ASE reads, in Å, with hydrogens; no labels. The answer comes from those test molecules \
of the benchmark whose atomic environments are most alike, with a 90 % interval that is calibrated by \
leaving families out. Needs the extra "label".
"""
_TITLES = {"force_rmse": "forces, kcal/mol/Å", "energy_rmse_within": "energies, kcal/mol"}
_FAR = 3.0
"""Distances beyond this many usual ones are too far to say anything."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(estimate)


def estimate(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Structures, without labels.")],
    charge: Charge = None,
    unpaired: Unpaired = None,
) -> int:
    """Estimate; returns the exit code."""
    from mfbench.own.estimate import estimate as run
    from mfbench.own.estimate import load_table

    with extra(
        "label", "mfbench_tasks.labelling.read_structures:read_structures", "mfbench estimate"
    ) as read:
        structures = read(source, total_charge=charge, n_unpaired=unpaired)
    table = load_table()
    found = run(table, table.project(structures))
    if (far := min(e.distance for e in found)) > _FAR:
        raise DataError(
            f"{source} is {far:.1f} times as far from every test molecule of the benchmark as these are "
            "from one another: there is nothing to go by"
        )
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("method", "K", *_TITLES.values()):
        shown.add_column(title, justify="left" if title == "method" else "right")
    for method, k in dict.fromkeys((e.method, e.k) for e in found):
        cells = {e.metric: e for e in found if (e.method, e.k) == (method, k)}
        ranges = (f"{c.value:.1f} [{c.lo:.1f}, {c.hi:.1f}]" for m in _TITLES if (c := cells[m]))
        shown.add_row(method, str(k), *ranges)
    console = Console(file=sys.stdout)
    console.print(shown)
    nearest = found[0]
    console.print(
        f"most alike: {', '.join(nearest.nearest[:4])}; {nearest.distance:.2f} of the usual distance",
        f"{table.note}; K labels of the family, 90 % intervals, GFN2 labels",
        sep="\n",
        highlight=False,
        style="dim",
    )
    return 0
