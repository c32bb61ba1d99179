"""``mfbench compare``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from mfbench.cli.wide_table import print_wide

if TYPE_CHECKING:
    from mfbench.compare.comparison import Comparison
    from mfbench.compare.text import Table as Rows

__all__ = ["register"]

HELP = """Put meta-distribution constructions side by side, from the records of a campaign's runs.

Shows how diverse each is and how far its test families are, what a family's own labels teach there, how a \
model trained on one does on another (with the null construction 'shuffled' as control), and the error \
against the number of training families and of configurations per family. Writes compare.json (the board's \
page Constructions), compare.md and compare.png.
"""


LEGEND = """
effective: families that differ by more than what is within them (Vendi score); known molecules: share of
test queries; distance: of an atom's environment to the nearest in train (0 the same, 1 no likeness),
÷ train: over that of a train family left out. Behind × in transfer: ratio to training at home. Gains above
1: own labels taught something."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(compare)


def compare(
    records: Annotated[Path, typer.Argument(help="Folder of records, e.g. results/campaign/records.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go.")] = Path("runs/compare"),
    constructions: Annotated[
        str, typer.Option(metavar="A,B,...", help="Splits to show.")
    ] = "cath,cluster30,chemistry,shuffled",
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="Error of the matrix and the curves.")
    ] = "force_rmse",
    k: Annotated[int, typer.Option("--k", metavar="K", help="Support size.")] = 50,
    store: Annotated[
        str | None, typer.Option(metavar="STORE", help="Also put compare.json into this store.")
    ] = None,
) -> None:
    """Compare constructions."""
    from mfbench.compare.compare import compare as run
    from mfbench.compare.figure import save_comparison
    from mfbench.compare.record import read_records
    from mfbench.work.files import write_text
    from mfbench.work.progress import count_bar

    console = Console()
    beside = records.parent / "diversity"  # a campaign keeps there what was measured of its data
    with count_bar("comparing", show=sys.stderr.isatty()) as tick:
        found = run(
            read_records(records),
            [name for name in constructions.split(",") if name],
            metric=metric,
            k=k,
            cache=beside if beside.is_dir() else out,
            tick=tick,
        )
    tables = _tables(found, metric, k)
    for title, table in tables.items():
        console.print(f"\n{title}", style="bold", highlight=False)
        print_wide(console, _rich(table))
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "compare.json", found.to_json())
    write_text(out / "compare.md", _markdown(tables))
    save_comparison(found, out / "compare.png", metric=metric, k=k)
    for name in ("compare.json", "compare.md", "compare.png"):
        console.print(f"wrote   {out / name}", soft_wrap=True, highlight=False)
    console.print("\n" + " ".join(LEGEND.split()), style="dim", highlight=False)
    if store:
        from mfbench.store import open_store

        place = open_store(store)
        place.files.write("compare.json", found.to_json().encode())
        console.print(f"filed   compare.json in {place.url}", soft_wrap=True, highlight=False)


def _tables(found: Comparison, metric: str, k: int) -> dict[str, Rows]:
    """Title → table; what has no rows is left out."""
    from mfbench.compare import text

    methods = sorted({t.method for t in found.transfer})
    tables = {
        "What the constructions hold": text.diversity_table(found),
        f"The smallest difference between two methods that can be shown (K = {k})": text.power_table(
            found, k
        ),
        f"What a family's own labels teach ({metric}, K = {k})": text.gain_table(found, metric, k),
        **{f"Transfer of {m} ({metric}, K = {k})": text.transfer_table(found, m) for m in methods},
        f"Error against training families ({metric}, K = {k})": text.curve_table(found, "families"),
        f"Error against configurations per family ({metric}, K = {k})": text.curve_table(
            found, "configurations"
        ),
    }
    return {title: table for title, table in tables.items() if table[1]}


def _markdown(tables: dict[str, Rows]) -> str:
    from mfbench.compare.text import markdown

    return "\n\n".join(f"## {title}\n\n{markdown(*table)}" for title, table in tables.items()) + "\n"


def _rich(rows: Rows) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for number, title in enumerate(rows[0]):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for row in rows[1]:
        table.add_row(*(cell.replace("**", "") for cell in row))
    return table
