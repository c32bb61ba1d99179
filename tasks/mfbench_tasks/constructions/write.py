"""Constructions: from a pool's blocks and tables of families to folders that ``load_split`` reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.constructions.arrangements.arrangement import Families, Given, Waits
from mfbench_tasks.constructions.arrangements.registry import arrangement_of
from mfbench_tasks.constructions.files import write_mini, write_split
from mfbench_tasks.constructions.report import write_construction_report
from mfbench_tasks.constructions.shards import assign, write_shards
from mfbench_tasks.pool.inventory import take_inventory
from mfbench_tasks.pool.recipe import PoolRecipe

__all__ = ["write_constructions"]


def write_constructions(
    recipe: PoolRecipe,
    *,
    tables: Path,
    pool: Path,
    out: Path,
    minis: Path,
    report: Path,
    partial: bool = False,
    log: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Write every construction whose blocks are all there, and the shards of what they use.

    Args:
        tables: folder that the recipe's paths are relative to.
        pool: folder of the blocks.
        out: folder of the splits; their shards go to ``out/pool``.
        minis: folder of the minis, each complete in itself.
        report: folder of the reports: folds and family classes, what is new in test, what was left out.
        partial: write the families whose blocks are there, under a version that says so.
        log: takes a line for every construction, written or not.

    Returns:
        Names of those written.

    Raises:
        DataError: a block is damaged, or a table of families breaks its promises.
    """
    shard_folder = Path(out) / "pool"
    if Path(pool).resolve() == shard_folder.resolve():
        raise DataError(f"{pool} is where the shards go: keep the blocks elsewhere")
    inventory = take_inventory(pool, [block.name for block in recipe.blocks])
    done: dict[str, Families] = {}
    given = Given(recipe, Path(tables), inventory, done, partial)
    for construction in recipe.constructions:
        try:
            done[construction.name] = arrangement_of(construction).families(construction, given)
        except Waits as reason:
            log(f"{construction.name}: {reason}")
    written = [c for c in recipe.constructions if c.name in done]
    own = {c.name: done[c.name].families for c in written if arrangement_of(c).decides_shards}
    shards = assign(own, inventory)
    if shards.of:
        write_shards(pool, inventory.blocks, shard_folder, shards, list(done))
    for construction in written:
        found = done[construction.name]
        named = construction.model_copy(update={"version": construction.version + "-partial" * partial})
        if arrangement_of(construction).self_contained:
            write_mini(recipe, named, found, inventory, shards, shard_folder, Path(minis))
        else:
            write_split(recipe, named, found, inventory, shards, Path(out))
        write_construction_report(Path(report), construction.name, found, inventory)
        left_out = f", left out: {', '.join(found.left_out)}" * bool(found.left_out)
        log(f"{construction.name}: {len(found.families)} families{left_out}")
    return list(done)
