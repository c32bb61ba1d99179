"""``mfbench data find-chemistry``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import log
from mfbench.cli.extras import label_extra

__all__ = ["find_chemistry"]


def find_chemistry(
    families: Annotated[Path, typer.Argument(metavar="FAMILIES", help="Chemistry families (YAML).")],
    structures: options.Structures,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Table of places to write.")],
) -> None:
    """Find where the families of the construction 'chemistry' occur: one pass over all entries."""
    with label_extra("mfbench_tasks.families.find_chemistry:find_places", "data find-chemistry") as run:
        count = run(families, structures, out, log=log)
    log(f"{out}: {count} places")
