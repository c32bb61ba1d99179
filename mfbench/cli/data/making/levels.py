"""``mfbench data levels``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import log
from mfbench.cli.extras import label_extra

__all__ = ["levels"]


def levels(
    recipe: options.RecipeFile,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of cath, chemistry, pool and labels; written to.")
    ] = Path("tasks/data"),
    queue: Annotated[
        Path, typer.Option(metavar="FILE", help="Queue of DFT labels: what each is for.")
    ] = Path("tasks/recipes/levels-wb97x-d.tsv"),
    molecules: Annotated[
        Path, typer.Option(metavar="FILE", help="Reference molecules; their energies lie beside them.")
    ] = Path("tasks/recipes/reference-molecules.xyz"),
) -> None:
    """Write the construction 'levels' from the labels that are there, again when more have come."""
    with (
        label_extra("mfbench_tasks.levels.recipe:load_levels_recipe", "data levels") as load,
        label_extra("mfbench_tasks.levels.build:build_levels", "data levels") as run,
        label_extra(
            "mfbench_tasks.levels.reference_molecules:read_reference_molecules", "data levels"
        ) as read,
    ):
        manifest = run(load(recipe), queue, data, read(molecules))
    log(f"{data / manifest['name']}: {manifest['counts']}")
