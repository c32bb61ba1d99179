"""``mfbench data pool``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import beside, log, opened_executor, progress_over
from mfbench.cli.extras import label_extra

__all__ = ["pool"]


def pool(
    recipe: options.RecipeFile,
    structures: options.Structures,
    out: options.Out,
    blocks: Annotated[
        str, typer.Option(metavar="A,B,...", help="Names of blocks. (default: all that are missing)")
    ] = "",
    report: options.Report = None,
    journal: options.Journal = None,
    workers: options.Workers = options.CORES,
    scheduler: options.Scheduler = None,
    resume: options.Resume = False,
) -> None:
    """Make the missing blocks of a pool of labels, which several constructions share."""
    with (
        label_extra("mfbench_tasks.pool.recipe:load_pool_recipe", "data pool") as load,
        label_extra("mfbench_tasks.pool.make_pool:make_pool", "data pool") as run,
    ):
        loaded = load(recipe)
        with (
            opened_executor(workers, scheduler) as executor,
            progress_over("fragments") as progress,
        ):
            run(
                loaded,
                structures=structures,
                out=out,
                report=report or beside(out, "report"),
                journal=journal or beside(out, "journal"),
                executor=executor,
                resume=resume,
                only=[name for name in blocks.split(",") if name],
                progress=progress,
                finished=lambda block: log(f"{datetime.now():%H:%M:%S} block {block} is written"),
            )
