"""``mfbench data choose``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import log
from mfbench.cli.extras import label_extra

__all__ = ["choose"]


def choose(
    recipe: options.RecipeFile,
    structures: options.Structures,
    mini: Annotated[Path, typer.Option(metavar="RECIPE", help="Recipe of the split to extend.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the tables of families.")],
    names: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CATH's list of names, for titles.")
    ] = None,
) -> None:
    """Choose families for cath and cluster30; print the blocks that they need.

    How the committed tables came about: RECIPE is the pool's, of which the plan and the seed count.
    """
    with label_extra(
        "mfbench_tasks.constructions.choosing.families:choose_and_write", "data choose"
    ) as run:
        blocks = run(recipe, structures=structures, mini=mini, names=names, out=out, log=log)
    typer.echo(blocks, nl=False)
