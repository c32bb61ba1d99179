"""``mfbench data``: list, info, verify."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["register"]

SplitName = Annotated[str, typer.Argument(help="A name from 'mfbench data list', or a folder.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="The labelled splits.", no_args_is_help=True)
    group.command("list")(list_splits)
    group.command()(info)
    group.command()(verify)
    app.add_typer(group, name="data")


def list_splits() -> None:
    """List the splits that can be given by name."""
    from mfbench.manifest import read_manifest
    from mfbench.split import available_splits, find_split

    table = Table("split", "version", "level of theory", "data hash", box=None, padding=(0, 2, 0, 0))
    for name in available_splits():
        manifest = read_manifest(find_split(name))
        table.add_row(name, manifest.version, manifest.level_of_theory, manifest.data_hash[:12])
    Console().print(table)


def info(split: SplitName) -> None:
    """Show the families of a split, and what one can ask of it."""
    from mfbench.split import load_split

    loaded = load_split(split)
    manifest = loaded.manifest
    console = Console()
    console.print(f"{loaded.name} {manifest.version}  {manifest.level_of_theory}  {manifest.license}")
    console.print(f"data hash {manifest.data_hash}\n", highlight=False)
    table = Table(box=None, padding=(0, 1, 0, 0))
    for title in ("family", "fold", "class"):
        table.add_column(title, no_wrap=True)
    for title in ("frag", "pool", "query", "held", "draws", "K"):
        table.add_column(title, justify="right", no_wrap=True)
    order = {"train": 0, "validation": 1, "test": 2}
    for task in sorted(loaded.tasks, key=lambda t: (order[t.fold], t.family_id)):
        counts = (
            len(task.graphs),
            len(task.support),
            len(task.query),
            len(task.heldout),
            *task.draws.shape,
        )
        table.add_row(task.family_id, str(task.fold), task.stratum, *map(str, counts))
    console.print(table)
    console.print(
        "\nfrag: fragments; pool: labelled support pool; query, held: test configurations on the pool's"
        " fragments and on others; draws: published support sets; K: their largest size"
    )


def verify(split: SplitName) -> None:
    """Compare every file of a split with its hash, and its tables with each other."""
    from mfbench.split import load_split

    loaded = load_split(split, verify=True)
    typer.echo(
        f"{loaded.name} {loaded.manifest.version} is sound: {len(loaded.tasks)} families, "
        f"data hash {loaded.manifest.data_hash}"
    )
