"""Bars on stderr: episodes or files done, failures, time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["file_bar", "progress_bar"]


@contextmanager
def progress_bar(
    total: int, *, done: int = 0, show: bool = True, of: str = "episodes"
) -> Iterator[Callable[..., None]]:
    """A bar over ``total`` episodes (or what ``of`` names), ``done`` of them finished before.

    Yields:
        ``advance(failed=False)``: one more episode is finished.
    """
    if not show:
        yield lambda failed=False: None
        return
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failures]}", style="red"),
        TimeElapsedColumn(),
        TextColumn("elapsed, left"),
        # Episodes differ by their K: a long window keeps the estimate from jumping.
        TimeRemainingColumn(),
        console=Console(stderr=True),
        speed_estimate_period=600,
    )
    failures = 0
    with progress:
        task = progress.add_task(of, total=total, completed=done, failures="")

        def advance(failed: bool = False) -> None:
            nonlocal failures
            failures += failed
            progress.update(task, advance=1, failures=f"{failures} failed" if failures else "")

        yield advance


@contextmanager
def file_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar over files.

    Yields:
        ``show(done, total)``.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
