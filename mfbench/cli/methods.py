"""``mfbench methods``."""

from __future__ import annotations

from collections.abc import Iterable

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(methods)


def methods() -> None:
    """List the methods that can be evaluated, and the architectures and backends they run on."""
    from mfbench.learned.architectures.registry import ARCHITECTURES
    from mfbench.protocol.registry import BACKENDS, METHODS

    console = Console()
    foreign = "from an installed package"
    described = {spec.name: spec.summary for spec in METHODS}
    console.print(_table((name, described.get(name, foreign)) for name in METHODS.names()))
    console.print("\nor your own: --method module:Class, a class with a name and adapt(support, ...)")
    console.print("\narchitectures (--arch)")
    networks = {
        spec.name: f"{spec.summary}; {', '.join(spec.networks)}"
        for spec in map(ARCHITECTURES.__getitem__, ARCHITECTURES.names())
    }
    console.print(_table(networks.items()))
    console.print("\nbackends (--backend)")
    console.print(_table((spec.name, spec.summary) for spec in BACKENDS))


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for row in rows:
        table.add_row(*row)
    return table
