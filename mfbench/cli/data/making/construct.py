"""``mfbench data construct``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import beside, log
from mfbench.cli.extras import label_extra
from mfbench.errors import DataError

__all__ = ["construct"]


def construct(
    recipe: options.RecipeFile,
    pool: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the blocks.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the splits and of their shards.")],
    minis: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the minis. (default: OUT)")
    ] = None,
    report: options.Report = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the families whose blocks are there.")
    ] = False,
) -> None:
    """Write the splits over a pool whose blocks are all there."""
    with (
        label_extra("mfbench_tasks.pool.recipe:load_pool_recipe", "data construct") as load,
        label_extra("mfbench_tasks.constructions.write:write_constructions", "data construct") as run,
    ):
        written = run(
            load(recipe),
            tables=recipe.parent,
            pool=pool,
            out=out,
            minis=minis or out,
            report=report or beside(out, "report"),
            partial=partial,
            log=log,
        )
    if not written:
        raise DataError(f"{pool} holds too few blocks for any construction of {recipe}: make more of them")
