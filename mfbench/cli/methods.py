"""``mfbench methods``."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["register"]

SUMMARIES = {
    "constant": "energy baseline and offsets, zero forces: the line to beat",
    "random": "constant plus noise as wide as the labels",
    "offset": "pre-trained model, offsets in closed form, no gradient step",
    "ridge": "the same network, frozen, and a head on its features in closed form",
    "scratch": "trained on the K labels alone, up to 2,000 steps",
    "pretrain": "joint training on all meta-train families, then fine-tuning",
    "finetune": "any mace-torch .model, fine-tuned on the K labels (--backend torch --model PATH)",
    "maml": "model-agnostic meta-learning, second order",
    "maml++": "with learned step sizes, multi-step loss and annealed order",
    "anil": "moving the head alone in the inner loop",
    "fomaml": "its first-order approximation",
    "reptile": "first-order meta-learning by moving towards adapted weights",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(methods)


def methods() -> None:
    """List the methods that can be evaluated."""
    from mfbench.protocol.method import method_names

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name in sorted(
        method_names(), key=lambda n: (list(SUMMARIES).index(n) if n in SUMMARIES else 99, n)
    ):
        table.add_row(name, SUMMARIES.get(name, "from an installed package"))
    console = Console()
    console.print(table)
    console.print("\nor your own: --method module:Class, a class with a name and adapt(support, ...)")
