"""``mfbench predict``: energies and forces of structures, by an adapted model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.extras import extra
from mfbench.errors import ProtocolError

__all__ = ["register"]

HELP = """Predict energies and forces with a model that mfbench adapt made.

OUT is extended XYZ: energy in eV in the zero of the labels, forces in eV/Å, and the half-widths of the \
calibrated intervals as energy_uncertainty and forces_uncertainty.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(predict)


def predict(
    model: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the model.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="Structures that ASE reads, in Å.")],
    out: Annotated[Path, typer.Option(metavar="OUT", help="extxyz file to write; must be new.")],
    backend: Annotated[str | None, typer.Option(help="jax or torch. (default: as it was made)")] = None,
) -> int:
    """Predict; returns the exit code."""
    with extra("own", "mfbench.own.model:load_model", "mfbench predict"):
        from mfbench.own.formats import read_frames
        from mfbench.own.model import load_model
        from mfbench.own.predict_file import predict_frames

        if out.exists():
            raise ProtocolError(f"{out} is there already: choose another name with --out")
        count = predict_frames(load_model(model, backend=backend), read_frames(source), out)
        typer.echo(f"{out}: {count} structures")
        return 0
