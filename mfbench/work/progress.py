"""Bars on stderr for long work: how much is done, how much failed, how much time is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["count_bar", "phase_bars", "progress_bar"]

_WINDOW_S = 600
"""Units differ in cost by a factor of ten: the time left is judged by many of them."""


@contextmanager
def progress_bar(
    total: int, *, done: int = 0, show: bool = True, of: str = "episodes"
) -> Iterator[Callable[..., None]]:
    """A bar over ``total`` units (``of`` names them), ``done`` of them finished before.

    Yields:
        ``advance(failed=False)``: one more unit is finished.
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
        TimeRemainingColumn(),
        console=Console(stderr=True),
        speed_estimate_period=_WINDOW_S,
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
def count_bar(
    title: str, *, show: bool = True, console: Console | None = None
) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that learns on the way how much there is.

    Args:
        title: what is counted.
        show: whether there is a bar at all.
        console: that others print on meanwhile; default: one of its own on stderr.

    Yields:
        ``show(done, total)``.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = console or Console(stderr=True)
    with Progress(*columns, console=console, speed_estimate_period=_WINDOW_S, disable=not show) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def phase_bars() -> Iterator[Callable[[str, int, int, float], None]]:
    """A bar for each phase of a training, with its loss.

    Yields:
        ``tick(phase, step, steps, loss)`` after each step.
    """
    columns = (
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=120) as progress:
        bars: dict[str, TaskID] = {}

        def tick(phase: str, step: int, steps: int, loss: float) -> None:
            if phase not in bars:
                bars[phase] = progress.add_task(phase, total=steps, loss=loss)
            progress.update(bars[phase], completed=step + 1, loss=loss)

        yield tick
