"""What the commands that make splits share: options, an executor for them, a bar."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mfbench.cli.extras import label_extra

__all__ = [
    "CORES",
    "Journal",
    "Out",
    "RecipeFile",
    "Report",
    "Resume",
    "Scheduler",
    "Structures",
    "Workers",
    "beside",
    "log",
    "opened_executor",
    "progress_over",
]

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="YAML file, see tasks/recipes.")]
Structures = Annotated[
    Path,
    typer.Option(metavar="DIR", envvar="MFBENCH_STRUCTURES", help="Folder of entries and their tables."),
]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder to write.")]
Report = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of the report. (default: OUT.report)")
]
Journal = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of the journal. (default: OUT.journal)")
]
Workers = Annotated[int, typer.Option(metavar="N", min=1, help="Processes. (default: one per core)")]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A Dask scheduler's workers instead, e.g. tcp://host:8786."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Keep what the journal holds.")]
CORES = os.cpu_count() or 1


def beside(out: Path, what: str) -> Path:
    """The folder ``OUT.<what>``."""
    return out.with_name(f"{out.name}.{what}")


def log(line: str) -> None:
    """A line on stderr."""
    Console(stderr=True).print(line, soft_wrap=True, highlight=False)


@contextmanager
def opened_executor(workers: int, scheduler: str | None, what: str) -> Iterator[Executor]:
    """The executor that a command's options ask for; a lost worker or Ctrl-C ends in one line."""
    target = "build.dask_cluster:dask_executor" if scheduler else "build.build:process_pool"
    with label_extra(f"mfbench_tasks.{target}", what) as opened:
        try:
            with opened(scheduler or workers) as executor:
                yield executor
        except BrokenProcessPool:
            print("error: a worker died (out of memory?): continue with --resume", file=sys.stderr)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            print("interrupted: continue with --resume", file=sys.stderr)
            raise typer.Exit(130) from None


@contextmanager
def progress_over(of: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr: ``progress(done, total)``."""
    columns = (
        TextColumn(of),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Fragments differ in cost by a factor of ten: the time left is judged by many of them.
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=600) as bar:
        task = bar.add_task(of, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
