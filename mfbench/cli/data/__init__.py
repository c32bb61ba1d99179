"""``mfbench data``: look at labelled splits, fetch and publish them, and make them."""

from __future__ import annotations

import typer

from mfbench.cli.data import (
    constructions,
    download,
    export,
    importing,
    info,
    leakage,
    making,
    publish,
    splits,
    verify,
)

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="The labelled splits.", no_args_is_help=True)
    for command in (splits, info, verify, export, importing, leakage, download, publish, constructions):
        command.register(group)
    making.register(group)
    app.add_typer(group, name="data")
