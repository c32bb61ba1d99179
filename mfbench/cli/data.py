"""``mfbench data``: the group, and its commands list, info, verify, export and build."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mfbench.cli import hub, leakage
from mfbench.cli.extras import label_extra

__all__ = ["register"]

SplitName = Annotated[str, typer.Argument(help="A name from 'mfbench data list', or a folder.")]
_MANY = 40
"""More families than this are summarised by class and fold."""


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="The labelled splits.", no_args_is_help=True)
    group.command("list")(list_splits)
    group.command()(info)
    group.command()(verify)
    group.command()(export)
    leakage.register(group)
    hub.register(group)
    # Whatever stands behind `build` belongs to the builder, --help too.
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    group.command(context_settings=passed_on)(build)
    app.add_typer(group, name="data")


def list_splits() -> None:
    """List the splits that can be given by name."""
    from mfbench.data.manifest import read_manifest
    from mfbench.data.split import available_splits, find_split

    table = Table("split", "version", "level of theory", "data hash", box=None, padding=(0, 2, 0, 0))
    for name in available_splits():
        manifest = read_manifest(find_split(name))
        table.add_row(name, manifest.version, manifest.level_of_theory, manifest.data_hash[:12])
    Console().print(table)


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


def verify(
    split: SplitName,
    relabel: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Also label N random configurations again (needs tblite)."),
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Which ones --relabel draws.")] = 0,
) -> None:
    """Check what a split promises: hashes, roles, folds, near-twins, units. Exit code 2 if one fails."""
    from mfbench.audit.checks import verify_split
    from mfbench.errors import DataError

    if relabel:
        with label_extra("mfbench_tasks.labelling.relabel:relabel", "--relabel") as engine:
            checks = verify_split(split, relabel=partial(engine, seed=seed), count=relabel)
    else:
        checks = verify_split(split)
    for check in checks:
        typer.echo(f"{'ok' if check.passed else 'FAIL':<6}{check.name:<14}{check.finding}")
    failed = [check.name for check in checks if not check.passed]
    if failed:
        raise DataError(f"{split} fails {len(failed)} of {len(checks)} checks: {', '.join(failed)}")
    typer.echo(f"{split} is sound: it passes {len(checks)} checks")


def export(
    split: SplitName,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write; it must be empty or new.")],
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help="extxyz.")] = "extxyz",
) -> None:
    """Write a split for other programs: one extended XYZ file a family and role, and a README."""
    from mfbench.data.extxyz import export_extxyz
    from mfbench.data.split import load_split
    from mfbench.errors import UnknownNameError

    if format_ != "extxyz":
        raise UnknownNameError(f"unknown format '{format_}': choose extxyz")
    files = export_extxyz(load_split(split), out)
    typer.echo(f"{len(files)} files in {out}; units are in {out / 'README.txt'}")


def build(context: typer.Context) -> int:
    """Build a split from a recipe: the options of 'python -m mfbench_tasks build' (--help lists them)."""
    with label_extra("mfbench_tasks.__main__:main", "data build") as run:
        try:
            return run(["build", *context.args])
        except SystemExit as stop:  # how argparse ends after a wrong option, and after --help
            return stop.code if isinstance(stop.code, int) else 2
