"""``mfbench simulate``: molecular dynamics with an adapted model, and whether the molecule survives."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from mfbench.cli.extras import extra
from mfbench.errors import DataError

__all__ = ["register"]

HELP = """Run molecular dynamics with a model that mfbench adapt made.

OUT holds the frames and stability.json: whether a bond broke or formed and when, the drift of the \
energy (NVE), the temperature, and the time spent above --threshold. A killed run goes on with --resume.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(simulate)


def simulate(
    model: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the model.")],
    start: Annotated[Path, typer.Argument(metavar="START", help="Structure to start from, in Å.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the trajectory.")],
    ps: Annotated[float, typer.Option(metavar="N", help="Length in ps.")] = 10.0,
    temperature: Annotated[float, typer.Option(metavar="K", help="Temperature in K.")] = 300.0,
    ensemble: Annotated[str, typer.Option(help="nve or nvt (Langevin).")] = "nvt",
    step_fs: Annotated[float, typer.Option(metavar="FS", help="Time step in fs.")] = 0.5,
    seed: Annotated[int, typer.Option(metavar="N")] = 0,
    charge: Annotated[int | None, typer.Option(metavar="Q", help="Total charge.")] = None,
    threshold: Annotated[
        float, typer.Option(metavar="T", help="Error bar of a force component, eV/Å, counted as unsure.")
    ] = 0.0,
    stop_unsure: Annotated[
        bool, typer.Option("--stop-when-unsure", help="End at the first frame above --threshold.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--keep-going", help="Do not stop at the first broken bond.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a killed run stopped.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> int:
    """Simulate; returns the exit code."""
    with extra("own", "mfbench.own.model:load_model", "mfbench simulate"):
        from mfbench.own.dynamics import DynamicsSettings
        from mfbench.own.dynamics import simulate as run
        from mfbench.own.formats import read_frames
        from mfbench.own.model import load_model
        from mfbench.work.progress import progress_bar

        settings = DynamicsSettings(
            ps=ps,
            temperature_K=temperature,
            ensemble=ensemble,
            step_fs=step_fs,
            seed=seed,
            threshold=threshold,
            stop_when_broken=not go_on,
            stop_when_unsure=stop_unsure,
        )
        adapted = load_model(model)
        frame = read_frames(start).frames[0]
        if not set(frame.numbers.tolist()) <= set(adapted.members[0].config.elements):
            raise DataError(f"{start} holds an element that the model does not know")
        atoms = _atoms(frame.numbers, frame.positions)
        total = charge if charge is not None else frame.charge
        atoms.info["charge"] = adapted.card.get("charges", [0])[0] if total is None else total
        atoms.info["n_unpaired"] = frame.n_unpaired or 0
        atoms.calc = adapted.calculator(
            charge=total, n_unpaired=atoms.info["n_unpaired"], uncertainty=threshold > 0
        )
        show = not quiet and sys.stderr.isatty()
        bar = progress_bar(settings.records, of="frames") if show else nullcontext(lambda: None)
        with bar as advance:
            found = run(atoms, settings, out, resume=resume, tick=lambda ps, note: advance())  # type: ignore[no-untyped-call]
        what = "stable" if found.stable else f"broke at {found.first_break_ps:.3f} ps ({found.first_break})"
        drift = "" if found.drift_meV_per_atom_ps is None else f", drift {found.drift_meV_per_atom_ps:.2f}"
        typer.echo(
            f"{what} over {found.simulated_ps:.2f} ps at {found.mean_temperature_K:.0f} K"
            + (f"{drift} meV/atom/ps" if drift else "")
        )
        if found.unsure_ps:
            typer.echo(
                f"unsure from {found.first_unsure_ps:.3f} ps on, for {found.unsure_ps:.3f} ps: label "
                f"{out / 'unsure.xyz'} and adapt again"
            )
        typer.echo(f"{out / 'stability.json'}")
        return 0


def _atoms(numbers: Any, positions: Any) -> Any:
    from ase import Atoms

    return Atoms(numbers, positions)
