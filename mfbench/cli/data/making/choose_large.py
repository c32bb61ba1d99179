"""``mfbench data choose-large``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.extras import label_extra

__all__ = ["choose_large"]


def choose_large(
    recipe: options.RecipeFile,
    structures: options.Structures,
    known: Annotated[
        Path, typer.Option(metavar="FILE", help="Table of families whose topologies keep their folds.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Table of families to write.")],
) -> None:
    """Choose proteins of the whole PDB for a large pool; print the blocks that they need.

    How the committed table of cath-million came about: RECIPE is the pool's, of which the seed counts.
    """
    target = "mfbench_tasks.constructions.choosing.families_large:choose_large_and_write"
    with label_extra(target, "data choose-large") as run:
        blocks = run(recipe, structures=structures, known=known, out=out)
    typer.echo(blocks, nl=False)
