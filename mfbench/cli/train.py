"""``mfbench train``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.options import parse_options
from mfbench.errors import ProtocolError

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
        str, typer.Option("--method", "-m", help="joint, pretrain, maml, maml++, anil, fomaml or reptile.")
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
        Path | None, typer.Option(metavar="PATH", help="Checkpoint of the joint phase to start from.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the weights and of every draw.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the run folder.")] = False,
    stop_after: Annotated[
        int | None, typer.Option(metavar="N", help="Stop every phase after N steps, to check a card.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A training setting, e.g. gradients=400000; repeatable."),
    ] = None,
    backend: Annotated[str, typer.Option(metavar="NAME", help="Framework: jax or torch.")] = "jax",
) -> int:
    """Train; returns the exit code."""
    from mfbench.data.split import load_split
    from mfbench.protocol.method import load_trainer

    run = load_trainer(backend)
    loaded = load_split(split)
    folder = out or Path("runs") / f"train-{loaded.name}-{arch}-{method}-seed{seed}"
    options = parse_options(option)
    if any(folder.glob("*.state.safetensors")) and not resume:
        raise ProtocolError(f"{folder} holds a run: continue it with --resume, or choose another --out")
    with _bars() as tick:
        run(loaded, method, arch, seed, options, folder, init=init, stop_after=stop_after, tick=tick)
    print(f"checkpoint  {folder / f'{arch}-{method}.safetensors'}", file=sys.stderr)
    return 0


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int, float], None]]:
    """One bar per phase on stderr, with the loss and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=120) as progress:
        bars: dict[str, int] = {}

        def tick(phase: str, step: int, steps: int, loss: float) -> None:
            if phase not in bars:
                bars[phase] = progress.add_task(phase, total=steps, loss=loss)
            progress.update(bars[phase], completed=step + 1, loss=loss)

        yield tick
