"""``mfbench evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfbench.cli.options import parse_numbers, parse_options
from mfbench.errors import Interrupted
from mfbench.work.own_code import look_here

if TYPE_CHECKING:
    from mfbench.protocol.protocol import Budget

__all__ = ["register"]


_METHOD = "How the method is made"
_PROTOCOL = "Away from the standard protocol"
HELP = """Measure a method: adapt to K labels of each family, predict the rest, report the errors.

Shows a table and writes run.json, predictions.parquet, results.json and rmse_vs_k.png into the run folder.\
 An interrupted run continues with --resume. Exit code 3 means that some episodes failed.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(evaluate)


def evaluate(
    method: Annotated[
        str, typer.Option("--method", "-m", help="A name from 'mfbench methods', or your own module:Class.")
    ],
    split: Annotated[
        str, typer.Option("--split", "-s", help="A name from 'mfbench data list', or a folder.")
    ],
    k: Annotated[
        str | None,
        typer.Option("--k", metavar="K,K,...", help="Numbers of labels. (default: all standard ones)"),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(metavar="N", help="Support sets per family and K. (default: the standard ones)"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the method's own randomness.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run folder to write. (default: runs/SPLIT-METHOD-...)"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the interrupted run in the run folder.")
    ] = False,
    workers: Annotated[
        int, typer.Option(metavar="N", help="Processes that share the work; the numbers stay the same.")
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler's workers instead, e.g. tcp://host:8786."),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Framework of a learned method: jax or torch.", rich_help_panel=_METHOD
        ),
    ] = "jax",
    arch: Annotated[
        str, typer.Option(metavar="NAME", help="Architecture of a learned method.", rich_help_panel=_METHOD)
    ] = "mace",
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            "--model",
            metavar="PATH",
            help="Weights to use instead of those that ship; a mace-torch .model for finetune.",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    trust_pickle: Annotated[
        bool,
        typer.Option(
            "--trust-pickle",
            help="Read a .model file, which may run any code.",
            rich_help_panel=_METHOD,
        ),
    ] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            metavar="KEY=VALUE",
            help="An option of the method; repeatable.",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    track: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Budget: standard, converged, closed-form, long, open. (default: what --steps says)",
            rich_help_panel=_PROTOCOL,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Gradient steps that adapting may take. (default: the track's)",
            rich_help_panel=_PROTOCOL,
        ),
    ] = None,
    fold: Annotated[
        str, typer.Option(metavar="FOLD", help="test, or validation for tuning.", rich_help_panel=_PROTOCOL)
    ] = "test",
    support: Annotated[
        str,
        typer.Option(
            metavar="FROM",
            help="own, or as a control wrong-family: labels of another family; wrong-level: those of the "
            "reference level of theory.",
            rich_help_panel=_PROTOCOL,
        ),
    ] = "own",
    families: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Only these families.", rich_help_panel=_PROTOCOL),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only tasks at this level of theory, e.g. wb97x-d on levels.",
            rich_help_panel=_PROTOCOL,
        ),
    ] = None,
    selector: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Who chooses the K: random (published draws), farthest, uncertainty, or method.",
            rich_help_panel=_PROTOCOL,
        ),
    ] = "random",
    dynamics: Annotated[
        float | None,
        typer.Option(
            metavar="PS",
            help="Also run PS ps at 300 K with every adapted model: do molecules stay whole?",
            rich_help_panel=_PROTOCOL,
        ),
    ] = None,
    exclude_overlap: Annotated[
        str | None,
        typer.Option(
            metavar="OTHER",
            help="Leave out what overlaps with the train families of another split.",
            rich_help_panel=_PROTOCOL,
        ),
    ] = None,
) -> int:
    """Run the benchmark; returns the exit code."""
    from mfbench.evaluate import evaluate as run
    from mfbench.own.dynamics import StabilityProbe
    from mfbench.protocol.loading import uses_backend
    from mfbench.protocol.protocol import Budget
    from mfbench.reporting.run_table import print_report

    look_here()
    if out is None:
        model = [arch, backend] if uses_backend(method) else []
        marks = (
            [fold] * (fold != "test")
            + [support] * (support != "own")
            + [track or ""] * (track not in (None, "standard"))
            + ([f"{dynamics:g}ps"] if dynamics else [])
            + [selector] * (selector != "random")
            + [f"{steps}-steps"] * (steps not in (None, Budget().steps))
            + ([f"without-{Path(exclude_overlap).name}"] if exclude_overlap else [])
            + ([families.replace(",", "+")] if families else [])
            + [level or ""] * bool(level)
        )
        parts = [Path(split).name, method.replace(":", "."), *model, *marks, f"seed{seed}"]
        out = Path("runs") / "-".join(parts)
    try:
        results = run(
            method,
            split,
            ks=parse_numbers(k),
            draws=draws,
            seed=seed,
            out=out,
            resume=resume,
            fold=fold,
            track=track,
            budget=None if steps is None else _budget(track, steps),
            support=support,
            backend=backend,
            arch=arch,
            checkpoint=checkpoint,
            options=parse_options(option) | ({"trust_pickle": True} if trust_pickle else {}),
            workers=workers,
            scheduler=scheduler,
            exclude=exclude_overlap,
            families=families.split(",") if families else None,
            level=level,
            selector=selector,
            dynamics=None if dynamics is None else StabilityProbe(dynamics),
            progress=True,
        )
    except KeyboardInterrupt:
        done = len(list((out / "episodes").glob("*.npz")))
        raise Interrupted(
            f"interrupted; {done} finished episodes are kept in {out}: "
            "run the same command with --resume to continue"
        ) from None
    print_report(results)
    return results.exit_code


def _budget(track: str | None, steps: int) -> Budget:
    """``steps`` in batches as large as the track's, or as the standard one's where none is named."""
    from mfbench.protocol.protocol import Budget, Track

    named = Track(track).budget if track in list(Track) else None
    return Budget(steps, (named or Budget()).batch)
