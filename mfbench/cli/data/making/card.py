"""``mfbench data card``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making.options import log
from mfbench.cli.extras import label_extra

__all__ = ["card"]


def card(
    folder: Annotated[Path, typer.Argument(help="Constructions, and the pool beside them.")],
    reports: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Build reports. (default: FOLDER/../reports)")
    ] = None,
    larger: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RECIPE",
            help="Project the cost of this pool, too; may be given again. "
            "(default: FOLDER/../recipes/million.yaml)",
        ),
    ] = None,
) -> None:
    """Write README.md (the card) and croissant.json of a folder of splits, from the data."""
    parent = folder.resolve().parent
    if larger is None:
        larger = [path for path in [parent / "recipes" / "million.yaml"] if path.is_file()]
    with label_extra("mfbench_tasks.card.write:write_card", "data card") as write_card:
        written = write_card(folder, reports=reports or parent / "reports", larger=larger, log=log)
    for path in written:
        log(str(path))
