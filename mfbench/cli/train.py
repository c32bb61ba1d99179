"""``mfbench train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.options import parse_numbers, parse_options
from mfbench.errors import Interrupted, ProtocolError

__all__ = ["register"]

HELP = """Meta-train a method on the train families of a split, and write its checkpoint and card.

All methods share a first, joint phase: train it once with --method joint, then give it to each method \
with --init. An interrupted run continues with --resume.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(train)


def train(
    method: Annotated[
        str,
        typer.Option("--method", "-m", help="joint, or a method with a start of its own."),
    ],
    split: Annotated[
        str, typer.Option("--split", "-s", help="A name from 'mfbench data list', or a folder.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run folder. (default: runs/train-SPLIT-METHOD-seedN)"),
    ] = None,
    arch: Annotated[
        str, typer.Option(metavar="NAME", help="Architecture: mace, nequip or allegro.")
    ] = "mace",
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Checkpoint of the joint phase to start from; {seed} stands for the seed."
        ),
    ] = None,
    seed: Annotated[
        str,
        typer.Option(
            metavar="N,N,...", help="Seed of the weights and of every draw; several train one run each."
        ),
    ] = "0",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the run folder.")] = False,
    stop_after: Annotated[
        int | None, typer.Option(metavar="N", help="Stop every phase after N steps, to check a card.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A training setting, e.g. gradients=400000; repeatable."),
    ] = None,
    backend: Annotated[str, typer.Option(metavar="NAME", help="Framework: jax or torch.")] = "jax",
    workers: Annotated[
        int,
        typer.Option(metavar="N", help="Processes that share several seeds; the weights stay the same."),
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler's workers instead, e.g. tcp://host:8786."),
    ] = None,
) -> int:
    """Train; returns the exit code."""
    from mfbench.data.split import load_split
    from mfbench.protocol.loading import load_trainer
    from mfbench.work.progress import phase_bars

    load_trainer(backend)  # a missing one is an error before any work, and has what comes now
    from mfbench.learned.train_several import Run, train_seeds

    loaded = load_split(split)
    seeds = parse_numbers(seed, "--seed") or [0]
    options = parse_options(option)
    runs = [
        Run(
            split=split,
            method=method,
            arch=arch,
            seed=number,
            options=options,
            folder=_folder(out, len(seeds) > 1, f"train-{loaded.name}-{arch}-{method}", number),
            init=None if init is None else Path(str(init).replace("{seed}", str(number))),
            stop_after=stop_after,
            backend=backend,
        )
        for number in dict.fromkeys(seeds)
    ]
    for run in runs:
        if any(run.folder.glob("*.state.safetensors")) and not resume:
            raise ProtocolError(
                f"{run.folder} holds a run: continue it with --resume, or choose another --out"
            )
    try:
        if len(runs) == 1 and workers == 1 and scheduler is None:
            with phase_bars() as tick:
                runs[0].train(tick)
            failed = {}
        else:
            failed = train_seeds(runs, workers=workers, scheduler=scheduler)
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted; what is trained is kept: run the same command with --resume to continue"
        ) from None
    for run in runs:
        if run.seed in failed:
            print(f"failed      seed {run.seed}: {failed[run.seed]}", file=sys.stderr)
        else:
            print(f"checkpoint  {run.folder / f'{arch}-{method}.safetensors'}", file=sys.stderr)
    return 2 if failed else 0


def _folder(out: Path | None, several: bool, name: str, seed: int) -> Path:
    """Where one seed is trained: its own folder below ``out`` where there are several."""
    if out is None:
        return Path("runs") / f"{name}-seed{seed}"
    return out / f"seed{seed}" if several else out
