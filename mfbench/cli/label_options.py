"""Options of commands that read a file of labels: its keys and units, where they must be said."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "Charge",
    "EnergyKey",
    "EnergyUnit",
    "ForcesKey",
    "ForcesUnit",
    "KeepDuplicates",
    "LengthUnit",
    "Sign",
    "Unpaired",
]

_PANEL = "What the file does not say"
EnergyKey = Annotated[
    str | None, typer.Option(metavar="NAME", help="Key of the energies.", rich_help_panel=_PANEL)
]
ForcesKey = Annotated[
    str | None, typer.Option(metavar="NAME", help="Key of the forces.", rich_help_panel=_PANEL)
]
EnergyUnit = Annotated[
    str | None, typer.Option(metavar="UNIT", help="e.g. Hartree.", rich_help_panel=_PANEL)
]
ForcesUnit = Annotated[
    str | None, typer.Option(metavar="UNIT", help="e.g. Hartree/Bohr.", rich_help_panel=_PANEL)
]
LengthUnit = Annotated[str | None, typer.Option(metavar="UNIT", help="e.g. Bohr.", rich_help_panel=_PANEL)]
Sign = Annotated[
    str | None, typer.Option(metavar="SIGN", help="forces or gradients.", rich_help_panel=_PANEL)
]
Charge = Annotated[
    int | None, typer.Option(metavar="Q", help="Of every structure.", rich_help_panel=_PANEL)
]
Unpaired = Annotated[
    int | None, typer.Option(metavar="N", help="Unpaired electrons.", rich_help_panel=_PANEL)
]
KeepDuplicates = Annotated[
    bool,
    typer.Option("--keep-duplicates", help="Do not drop equal frames.", rich_help_panel=_PANEL),
]
