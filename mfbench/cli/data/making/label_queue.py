"""``mfbench data label-queue``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import log, opened_executor
from mfbench.cli.extras import label_extra

__all__ = ["label_queue"]


def label_queue(
    level: Annotated[str, typer.Option(metavar="NAME", help="Level of theory, e.g. wb97x-d.")],
    queue: Annotated[
        Path, typer.Argument(metavar="QUEUE", help="Table of what is to be labelled, in its order.")
    ] = Path("tasks/recipes/levels-wb97x-d.tsv"),
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of cath, pool and labels; labels are written to.")
    ] = Path("tasks/data"),
    journal: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Finished labels. (default: runs/labels-LEVEL)"),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Label at most N now; 0: only collect.")
    ] = None,
    workers: options.Workers = 1,
    scheduler: options.Scheduler = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> int:
    """Label what a queue asks for and DIR/labels/NAME does not hold, and add it there, in parts.

    A run that was interrupted goes on where it stopped: every finished label is in the journal. Exit code 3
    if a label failed; the tables say why, and it is not tried again.
    """
    from contextlib import ExitStack

    from mfbench.work.progress import progress_bar

    with (
        label_extra("mfbench_tasks.labelling.registry:find_level", "data label-queue") as find,
        label_extra("mfbench_tasks.levels.dft_tasks:queued_configurations", "data label-queue") as read,
        label_extra("mfbench_tasks.labelling.label_queue:label_queue", "data label-queue") as run,
        ExitStack() as stack,
    ):
        found, configurations = find(level), read(queue, data)
        folder = journal or Path("runs") / f"labels-{level.replace(':', '.')}"
        executor = stack.enter_context(opened_executor(workers, scheduler, resume="the same command"))
        advance: list[Any] = []

        def begin(total: int, done: int) -> None:
            show = not quiet and sys.stderr.isatty()
            advance.append(stack.enter_context(progress_bar(total, done=done, show=show, of="labels")))

        labels = data / "labels" / level.replace(":", ".")
        done = run(
            found,
            configurations,
            labels,
            folder,
            executor=executor,
            limit=limit,
            begin=begin,
            tick=lambda entry: advance[0](bool(entry.failure)),
        )
    log(
        f"{labels}: {done.queued} in the queue, {done.before} done before, "
        f"{done.made} labelled now, {done.failed} of them failed, {done.left} left"
    )
    return 3 if done.failed else 0
