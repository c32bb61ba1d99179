"""``mfbench methods``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from mfbench.methods.public_models import PublicModel

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(methods)


def methods(
    models: Annotated[
        bool, typer.Option("--models", help="Public models: what is installed, and how to get the others.")
    ] = False,
) -> None:
    """List the methods that can be evaluated, and the architectures and backends they run on."""
    if models:
        public_models()
        return
    from mfbench.learned.architectures.registry import ARCHITECTURES
    from mfbench.protocol.catalogue import BACKENDS, METHODS

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


def public_models() -> None:
    """Show every family of public models: whether it can run here, and what it says of itself."""
    from mfbench.methods.public_models import PUBLIC_MODELS

    console = Console()
    for model in PUBLIC_MODELS:
        state = f"missing: {', '.join(model.missing)}" if model.missing else "installed"
        console.print(f"[bold]{model.name}[/bold]  {model.summary}", highlight=False)
        console.print(_table((f"  {key}", value) for key, value in [("state", state), *_said(model)]))


def _said(model: PublicModel) -> Iterable[tuple[str, str]]:
    """What there is to say, as (key, value); what is not known is left out."""
    from mfbench.data.elements import symbol

    card = model.card
    shells = {True: "open shells too", False: "closed shells only", None: ""}[card.spins]
    told = f"{'told the charge' if card.charges else 'not told the charge'}{shells and ', ' + shells}"
    rows = [
        ("get it", model.install if model.missing else ""),
        ("weights", model.weights),
        ("elements", " ".join(map(symbol, card.elements))),
        ("charge, spin", told if card.elements else ""),
        ("level", card.level),
        ("trained on", "; ".join(data.name for data in card.training)),
        ("licence", card.licence),
        ("parameters", f"{card.parameters:,}" if card.parameters else ""),
        ("citation", card.citation),
    ]
    return [row for row in rows if row[1]]


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for row in rows:
        table.add_row(*row)
    return table
