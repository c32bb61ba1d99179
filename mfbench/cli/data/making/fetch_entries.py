"""``mfbench data fetch-entries``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making.options import log, progress_over
from mfbench.cli.extras import label_extra
from mfbench.errors import ProtocolError, StructureError

__all__ = ["fetch_entries"]


def fetch_entries(
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder; what is there stays.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="PDB ids.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="RECIPE", help="Also the entry of every protein of this pool.")
    ] = None,
) -> int:
    """Fetch entries of the PDB from the RCSB, as gzipped mmCIF. Exit code 2 if one cannot be had."""
    wanted = list(ids or ())
    if recipe:
        with label_extra("mfbench_tasks.pool.recipe:load_pool_recipe", "data fetch-entries") as load:
            wanted += load(recipe).entries
    if not wanted:
        raise ProtocolError("name entries to fetch, or a recipe with --recipe")
    failed = 0
    with (
        label_extra("mfbench_tasks.structures.download:download", "data fetch-entries") as download,
        progress_over("entries") as progress,
    ):
        for number, pdb_id in enumerate(wanted, start=1):
            try:
                path = download(pdb_id, to)
                if not recipe:
                    log(str(path))
            except StructureError as error:  # one that was withdrawn does not stop the others
                failed += 1
                typer.echo(f"error: {error}", err=True)
            progress(number, len(wanted))
    return 2 if failed else 0
