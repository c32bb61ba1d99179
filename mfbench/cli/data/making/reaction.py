"""``mfbench data reaction``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import beside, log, opened_executor, progress_over
from mfbench.cli.extras import label_extra

__all__ = ["reaction"]


def reaction(
    recipe: options.RecipeFile,
    out: options.Out,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG of the profiles. (default: REPORT/profiles.png)"),
    ] = None,
    report: options.Report = None,
    journal: options.Journal = None,
    workers: options.Workers = options.CORES,
    scheduler: options.Scheduler = None,
    resume: options.Resume = False,
) -> None:
    """Scan, sample and label enzyme reactions: the split of the construction 'reaction'."""
    with (
        label_extra("mfbench_tasks.reaction.settings:load_reaction_recipe", "data reaction") as load,
        label_extra("mfbench_tasks.reaction.build:build_reactions", "data reaction") as run,
    ):
        loaded = load(recipe)
        folder = report or beside(out, "report")
        with (
            opened_executor(workers, scheduler) as executor,
            progress_over("scans and samplings") as progress,
        ):
            manifest = run(
                loaded,
                out=out,
                report=folder,
                figure=figure or folder / "profiles.png",
                journal=journal or beside(out, "journal"),
                executor=executor,
                resume=resume,
                progress=progress,
            )
    log(f"{out}: {manifest['counts']}")
