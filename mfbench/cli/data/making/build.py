"""``mfbench data build``."""

from __future__ import annotations

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import beside, log, opened_executor, progress_over
from mfbench.cli.extras import label_extra

__all__ = ["build"]


def build(
    recipe: options.RecipeFile,
    structures: options.Structures,
    out: options.Out,
    report: options.Report = None,
    journal: options.Journal = None,
    workers: options.Workers = options.CORES,
    scheduler: options.Scheduler = None,
    resume: options.Resume = False,
) -> None:
    """Build a split from its recipe and structures: cut, relax, sample, label, gate."""
    with (
        label_extra("mfbench_tasks.recipes.recipe:load_recipe", "data build") as load,
        label_extra("mfbench_tasks.build.build:build", "data build") as run,
    ):
        loaded = load(recipe)
        with (
            opened_executor(workers, scheduler) as executor,
            progress_over("fragments") as progress,
        ):
            manifest = run(
                loaded,
                structures=structures,
                out=out,
                report=report or beside(out, "report"),
                journal=journal or beside(out, "journal"),
                executor=executor,
                resume=resume,
                progress=progress,
            )
    log(f"{out}: {manifest['counts']}")
