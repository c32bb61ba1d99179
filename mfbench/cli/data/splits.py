"""``mfbench data list``."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("list")(list_splits)


def list_splits() -> None:
    """List the splits that can be given by name."""
    from mfbench.data.manifest import read_manifest
    from mfbench.data.split import available_splits, find_split

    table = Table("split", "version", "level of theory", "data hash", box=None, padding=(0, 2, 0, 0))
    for name in available_splits():
        manifest = read_manifest(find_split(name))
        table.add_row(name, manifest.version, manifest.level_of_theory, manifest.data_hash[:12])
    Console().print(table)
