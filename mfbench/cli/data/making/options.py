"""What the commands that make splits share: options, an executor for them, a bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mfbench.errors import Interrupted
from mfbench.work.executor import Executor
from mfbench.work.open_executor import open_executor
from mfbench.work.progress import count_bar

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
    named = out if out.name else Path(os.path.abspath(out))  # "." has no name
    return named.with_name(f"{named.name}.{what}")


def log(line: str) -> None:
    """A line on stderr."""
    Console(stderr=True).print(line, soft_wrap=True, highlight=False)


@contextmanager
def opened_executor(
    workers: int, scheduler: str | None = None, *, resume: str = "--resume"
) -> Iterator[Executor]:
    """The executor that a command's options ask for; Ctrl-C ends in one line, which says how to go on."""
    try:
        # One process of its own at least: libraries that label compute with one thread there.
        with open_executor(workers, scheduler, here=False) as executor:
            yield executor
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: continue with {resume}") from None


def progress_over(of: str) -> AbstractContextManager[Callable[[int, int], None]]:
    """A bar on stderr: ``progress(done, total)``."""
    return count_bar(of)
