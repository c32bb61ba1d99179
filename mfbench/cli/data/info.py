"""``mfbench data info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mfbench.cli.options import SplitName

__all__ = ["register"]

_MANY = 40
"""More families than this are summarised by class and fold."""


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(info)


def info(
    split: SplitName,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the overview figure. (default: runs/info-SPLIT)"),
    ] = None,
    families: Annotated[
        bool, typer.Option("--families", help=f"List every family, also of a split with more than {_MANY}.")
    ] = False,
) -> None:
    """Show the families of a split, and draw an overview of its fragments and labels."""
    from mfbench.data.side_tables import read_side_tables
    from mfbench.data.split import load_split
    from mfbench.reporting.split_figure import save_overview
    from mfbench.reporting.split_table import family_table, summary_table

    loaded = load_split(split)
    manifest = loaded.manifest
    console = Console()
    console.print(f"{loaded.name} {manifest.version}  {manifest.level_of_theory}  {manifest.license}")
    console.print(f"data hash {manifest.data_hash}\n", highlight=False)
    every = families or len(loaded.tasks) <= _MANY
    console.print(family_table(loaded) if every else summary_table(loaded))
    console.print(
        "\nfrag: fragments; pool: labelled support pool; query, held, larger: test configurations on the"
        " pool's fragments, on others and on larger cuts; draws: published support sets; K: their size"
    )
    if not every:
        console.print("--families lists every family")
    figure = (out or Path("runs") / f"info-{loaded.name}") / "overview.png"
    save_overview(loaded, read_side_tables(split, loaded), figure)
    console.print(f"figure  {figure}", soft_wrap=True, highlight=False)
