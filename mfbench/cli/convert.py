"""``mfbench convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.extras import extra

__all__ = ["register"]

HELP = """Convert weights between a checkpoint (.safetensors) and a mace-torch .model file, either way.

A .model goes into ASE, LAMMPS or OpenMM; its isolated-atom energies are the per-element part of the \
energy baseline that all methods share. Reading a .model runs the code in it, so it takes --trust-pickle. \
The folder of an adapted model becomes TARGET-1.model, TARGET-2.model, ..., one for each member of its \
committee, with total energies in the zero of its labels.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(convert)


def convert(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="What to read.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="What to write.")],
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Read a .model file, which may run any code.")
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Split that isolated-atom energies are fitted on. (default: the card's)"
        ),
    ] = None,
) -> int:
    """Convert; returns the exit code."""
    with extra("torch", "mfbench_torch.convert:convert", "convert") as run:
        for path in run(source, target, trust_pickle=trust_pickle, split=split):
            typer.echo(path)
    return 0
