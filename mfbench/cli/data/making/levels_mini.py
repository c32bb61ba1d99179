"""``mfbench data levels-mini``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import log
from mfbench.cli.extras import label_extra

__all__ = ["levels_mini"]


def levels_mini(
    recipe: options.RecipeFile,
    out: options.Out,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of levels, its pool and its labels.")
    ] = Path("tasks/data"),
) -> None:
    """Write 'levels-mini', complete in itself, from the construction 'levels'."""
    with (
        label_extra("mfbench_tasks.levels.mini:load_levels_mini_recipe", "data levels-mini") as load,
        label_extra("mfbench_tasks.levels.mini:build_levels_mini", "data levels-mini") as run,
    ):
        manifest = run(load(recipe), data, out)
    log(f"{out / manifest['name']}: {manifest['counts']}")
