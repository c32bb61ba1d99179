"""``mfbench data constructions``."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from mfbench.cli.extras import label_extra

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(constructions)


def constructions() -> None:
    """List the constructions: what a family is, what is held out, and which commands make them."""
    from mfbench.data.split import available_splits

    target = "mfbench_tasks.constructions.registry:CONSTRUCTIONS"
    with label_extra(target, "data constructions") as known:
        here = available_splits()
        table = Table(
            "construction", "here", "recipe", "made by", "what a family is", box=None, padding=(0, 2, 0, 0)
        )
        for entry in known.values():
            is_here = "yes" if entry.name in here else "no"
            table.add_row(entry.name, is_here, entry.recipe, entry.made_by, entry.summary)
    Console().print(table)
