"""``mfbench data audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.data.making import options
from mfbench.cli.data.making.options import log, opened_executor
from mfbench.cli.extras import label_extra

__all__ = ["audit"]


def audit(
    recipe: options.RecipeFile,
    structures: options.Structures,
    pool: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the blocks.")],
    report: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the report.")],
    blocks: Annotated[str, typer.Option(metavar="A,B,...", help="Names of blocks.")],
    workers: options.Workers = options.CORES,
) -> None:
    """Report again what stored blocks rejected when they were made."""
    with (
        label_extra("mfbench_tasks.pool.recipe:load_pool_recipe", "data audit") as load,
        label_extra("mfbench_tasks.pool.rejections:audit_block", "data audit") as audit_block,
        label_extra("mfbench_tasks.pool.report:write_block_report", "data audit") as write,
    ):
        loaded = load(recipe)
        chosen = loaded.chosen_blocks(blocks.split(","))
        with opened_executor(workers) as executor:
            for block in chosen:
                outcomes = audit_block(loaded, block, structures=structures, pool=pool, executor=executor)
                write(report, block.name, outcomes, audited=True)
                log(f"{block.name}: {sum(len(o.rejections) for o in outcomes)} rejections")
