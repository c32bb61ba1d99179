"""``mfbench adapt``: from a file of labelled structures to a model that runs."""

from __future__ import annotations

import json
import sys
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
from mfbench.data.configuration import Configuration
from mfbench.errors import ProtocolError
from mfbench.own.frames import Frames
from mfbench.own.preflight import Choices

__all__ = ["register"]

HELP = """Adapt a trained network to your own labelled structures.

IN: extended XYZ, ASE database, NumPy archive (sGDML's names) or HDF5 (SPICE's layout). Keys, units, sign \
and charge are found and proved, or asked for. The start and the recipe are chosen by cross-validation \
inside the file. OUT holds the model (safetensors and JSON), metrics.json and report.html.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(adapt)


def adapt(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Labelled structures.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the model; must be new.")],
    start: Annotated[
        str,
        typer.Option(metavar="NAME", help="SPLIT/METHOD, a .safetensors checkpoint, scratch, or auto."),
    ] = "auto",
    time: Annotated[
        str, typer.Option(metavar="TIME", help="Wall time to stay within, e.g. 90s or 5min.")
    ] = "90s",
    steps: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Gradient steps, instead of choosing.")
    ] = None,
    backend: Annotated[str, typer.Option(help="jax or torch.")] = "jax",
    uncertainty: Annotated[
        str, typer.Option(help="What error bars are made from: committee, laplace or both.")
    ] = "committee",
    seed: Annotated[int, typer.Option(metavar="N")] = 0,
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
    """Adapt; returns the exit code."""
    with extra("own", "mfbench.own.adapt:adapt", "mfbench adapt"):
        from mfbench.own.adapt import adapt_with_record
        from mfbench.own.formats import read_frames
        from mfbench.own.preflight import preflight
        from mfbench.own.references import reference_for
        from mfbench.own.starts import find_start
        from mfbench.own.summary import learning_curves, metrics_of, report_content
        from mfbench.work.files import write_text
        from mfbench.work.ownership import holds_nothing, owned

        console = Console(stderr=True)
        limit = seconds_of(time)
        frames = read_frames(source, energy_key=energy_key, forces_key=forces_key)
        choices = Choices(energy_unit, length_unit, forces_unit, sign, charge, unpaired, keep_duplicates)
        if out.exists() and (not out.is_dir() or not holds_nothing(out)):
            raise ProtocolError(f"{out} is not empty: choose another folder with --out")
        known = () if start == "auto" else find_start(start, _probe(frames)).config.elements
        read = preflight(frames, reference_for(frames, start, backend), choices, known)
        print_preflight(read, console)
        with owned(out):
            done = adapt_with_record(
                read.configurations,
                start,
                backend=backend,
                seconds=limit,
                steps=steps,
                uncertainty=uncertainty,
                seed=seed,
                note=lambda text: console.print(Text(text, style="dim"), soft_wrap=True),
            )
            done.model.save(out)
            metrics = metrics_of(done, read.configurations)
            write_text(out / "metrics.json", json.dumps(metrics, indent=1) + "\n")
            if done.tried:
                from mfbench.own.report import write_report

                curves = (
                    learning_curves(done, read.configurations, seed=seed) if done.seconds < limit else {}
                )
                content = report_content(source.name, done, read.configurations, read.findings, curves)
                write_report(content, out / "report.html")
        said = Console(file=sys.stdout)
        if done.tried:
            said.print(
                f"held out  forces {metrics['force_rmse']:.2f} kcal/mol/Å, "
                f"energies {metrics['within_rmse']:.2f} kcal/mol",
                highlight=False,
                soft_wrap=True,
            )
            said.print(f"report    {out / 'report.html'}", highlight=False, soft_wrap=True)
        else:
            said.print("too few labels to hold some out: no errors, error bars or report", highlight=False)
        said.print(f"model     {out}", highlight=False, soft_wrap=True)
        return 0


def _probe(frames: Frames) -> list[Configuration]:
    """The molecules without their labels, to ask which elements they hold."""
    return [Configuration(f.numbers, f.positions) for f in frames.frames]


def seconds_of(text: str) -> float:
    """``90``, ``90s``, ``5min`` or ``1h`` in seconds.

    Raises:
        ProtocolError: it is none of these.
    """
    plain = text.strip().lower()
    for ending, factor in (("min", 60.0), ("h", 3600.0), ("s", 1.0), ("", 1.0)):
        if plain.endswith(ending):
            try:
                found = float(plain.removesuffix(ending)) * factor
            except ValueError:
                break
            if found > 0:
                return found
            break
    raise ProtocolError(f"--time takes a time such as 90s or 5min, not '{text}'")
