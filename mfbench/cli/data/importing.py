"""``mfbench data import``: own labels become a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from mfbench.cli.extras import extra
from mfbench.cli.label_options import (
    Charge,
    EnergyKey,
    EnergyUnit,
    ForcesKey,
    ForcesUnit,
    KeepDuplicates,
    LengthUnit,
    Sign,
    Unpaired,
)
from mfbench.cli.preflight_table import print_preflight
from mfbench.errors import UnknownNameError

__all__ = ["register"]

HELP = """Make a split of your own labelled structures.

FILES: as mfbench adapt reads them. Each is a test family, named after the file. Trajectories that the \
file names serve either the support or the query. Where it names none, frames that follow one another are \
cut into consecutive blocks, and independent ones (displaced one by one, or drawn) are dealt singly; which \
they are is judged by their order, said, or set with --frames. A third of the molecules, where there are \
three or more, are held out.
"""


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("import", help=HELP)(import_)


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="Labelled structures.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the split; must be new.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the split. (default: that of the folder)")
    ] = None,
    train: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A family to train on instead; repeatable."),
    ] = None,
    validation: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A family to tune on; repeatable.")
    ] = None,
    isolated_atoms: Annotated[
        str | None,
        typer.Option(
            metavar="H=E,C=E,...",
            help="Energies of isolated atoms in eV, or fit. (default: frames of one atom in the files)",
        ),
    ] = None,
    level: Annotated[str, typer.Option(metavar="TEXT", help="Level of theory of the labels.")] = "",
    license_: Annotated[str, typer.Option("--license", metavar="TEXT", help="Of the data.")] = "",
    seed: Annotated[int, typer.Option(metavar="N", help="Of held-out molecules and draws.")] = 0,
    frames: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="What frames without trajectory names are: trajectory, independent, or auto (by order).",
        ),
    ] = "auto",
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="jax or torch: of the network that proves the units.")
    ] = "jax",
    energy_key: EnergyKey = None,
    forces_key: ForcesKey = None,
    energy_unit: EnergyUnit = None,
    forces_unit: ForcesUnit = None,
    length_unit: LengthUnit = None,
    sign: Sign = None,
    charge: Charge = None,
    unpaired: Unpaired = None,
    keep_duplicates: KeepDuplicates = False,
) -> int:
    """Import; returns the exit code."""
    from mfbench.audit.near_duplicates import NEAR_TWIN
    from mfbench.data.task import Fold

    with extra("own", "mfbench.own.import_split:import_split", "mfbench data import") as run:
        from mfbench.own.formats import read_frames
        from mfbench.own.frame_order import FrameOrder
        from mfbench.own.import_split import Source
        from mfbench.own.preflight import Choices, preflight
        from mfbench.own.references import reference_for

        if frames not in list(FrameOrder):
            raise UnknownNameError(f"unknown --frames '{frames}': choose one of {', '.join(FrameOrder)}")
        choices = Choices(energy_unit, length_unit, forces_unit, sign, charge, unpaired, keep_duplicates)
        said = energy_unit and forces_unit and sign
        console = Console(stderr=True)
        sources = []
        folds = ((Fold.TRAIN, train or []), (Fold.VALIDATION, validation or []), (Fold.TEST, files))
        for fold, paths in folds:
            for path in paths:
                held = read_frames(path, energy_key=energy_key, forces_key=forces_key)
                reference = None if said else reference_for(held, "auto", backend)
                read = preflight(held, reference, choices)
                console.print(Text(f"{path} ({fold})", style="bold"))
                print_preflight(read, console)
                sources.append(Source(path, fold, read))
        dealt = run(
            sources,
            out,
            name=name or out.resolve().name,
            atoms=isolated_atoms,
            near_twin=NEAR_TWIN,
            frames=FrameOrder(frames),
            level=level,
            license=license_,
            seed=seed,
        )
    for found in dealt:
        task = found.task
        notes = [f"{found.near_twins} near-twins left out"] if found.near_twins else []
        notes += [f"net forces up to {found.net_force:.3f} eV/Å taken off"] if found.net_force else []
        notes += [_unnamed(found.blocks, found.singles, frames)] if found.blocks + found.singles else []
        typer.echo(
            f"{task.family_id}: {len(task.support)} support, {len(task.query)} query, "
            f"{len(task.heldout)} held out" + "".join(f"; {note}" for note in notes)
        )
    typer.echo(f"split   {out}; look at it with mfbench data verify {out}")
    return 0


def _unnamed(blocks: int, singles: int, asked: str) -> str:
    """What became of molecules without trajectory names, and how to say that they are something else."""
    parts = []
    if blocks:
        parts.append(f"{_molecules(blocks)} as a trajectory (cut into blocks)")
    if singles:
        parts.append(f"{_molecules(singles)} as independent frames (dealt singly)")
    text = f"no trajectory names: {' and '.join(parts)}"
    if asked != "auto":
        return f"{text}, as said"
    other = " or ".join(["independent"] * bool(blocks) + ["trajectory"] * bool(singles))
    return f"{text}, by the order of the frames; if that is wrong, --frames {other}"


def _molecules(n: int) -> str:
    return f"{n} molecule{'s' * (n != 1)}"
