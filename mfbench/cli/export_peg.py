"""``mfbench export-peg``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mfbench.cli.options import SplitName

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export-peg")(export_peg)


def export_peg(
    split: SplitName,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write; it must be empty or new.")
    ] = None,
    read: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The outputs of 'ml_peg calc': show its numbers instead."),
    ] = None,
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Where to write the numbers.")
    ] = None,
) -> None:
    """Write a split as a benchmark of ml-peg, or read what its models predicted."""
    from mfbench.errors import ProtocolError
    from mfbench.peg.benchmark import write_benchmark
    from mfbench.peg.numbers import read_numbers

    if (out is None) == (read is None):
        raise ProtocolError("say where to write the benchmark (--out), or what to read back (--read)")
    if out is not None:
        files = write_benchmark(split, out)
        typer.echo(f"{len(files)} files in {out}; {out / 'README.md'} says where ml-peg looks for them")
        return
    assert read is not None
    numbers = read_numbers(split, read)
    table = Table("model", "energy within, kcal/mol", "forces, kcal/mol/Å", "families", box=None)
    for row in numbers:
        shown = [
            f"{row.values[m]:.2f}" if row.values else "–" for m in ("energy_rmse_within", "force_rmse")
        ]
        lost = f" ({len(row.missing)} incomplete)" if row.missing else ""
        table.add_row(row.model, *shown, f"{row.families}{lost}")
    Console().print(table)
    if json_ is not None:
        text = json.dumps([row.to_dict() for row in numbers], indent=1)
        json_.write_text(text + "\n", encoding="utf-8")
