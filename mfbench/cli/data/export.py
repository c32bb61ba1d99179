"""``mfbench data export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.options import SplitName

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(export)


def export(
    split: SplitName,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write; it must be empty or new.")],
    level: Annotated[
        str | None, typer.Option(metavar="NAME", help="Labels of another level of theory, e.g. wb97x-d.")
    ] = None,
    fragment: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this molecule; may be given again.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help="extxyz.")] = "extxyz",
) -> None:
    """Write a split for other programs: one extended XYZ file per family and role, and a README."""
    from mfbench.data.extxyz import export_extxyz
    from mfbench.data.split import load_split
    from mfbench.errors import UnknownNameError

    if format_ != "extxyz":
        raise UnknownNameError(f"unknown format '{format_}': choose extxyz")
    files = export_extxyz(load_split(split, level=level), out, fragments=fragment or ())
    typer.echo(f"{len(files)} files in {out}; units are in {out / 'README.txt'}")
