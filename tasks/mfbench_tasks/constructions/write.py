"""Constructions: from a pool's blocks and tables of families to folders that ``load_split`` reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.constructions.arrange import Arranged, arrange, check_families, mini, shuffle
from mfbench_tasks.constructions.files import write_mini, write_split
from mfbench_tasks.constructions.report import write_construction_report
from mfbench_tasks.constructions.shards import assign, write_shards
from mfbench_tasks.families.table import FamilyRow, chemistry_rows, read_families
from mfbench_tasks.pool.inventory import Inventory, take_inventory
from mfbench_tasks.pool.recipe import Construction, PoolRecipe

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
        report: folder of the reports: folds and strata, what is new in test, what was left out.
        partial: write the families whose blocks are there, under a version that says so.
        log: takes a line for every construction, written or not.

    Returns:
        Names of those written.

    Raises:
        DataError: a block is damaged, or a table of families breaks its promises.
    """
    if Path(pool).resolve() == (Path(out) / "pool").resolve():
        raise DataError(f"{pool} is where the shards go: keep the blocks elsewhere")
    inventory = take_inventory(pool, [block.name for block in recipe.blocks])
    done: dict[str, tuple[list[Arranged], list[str]]] = {}
    for construction in recipe.constructions:
        found = _arranged(construction, recipe, Path(tables), inventory, done, partial, log)
        if found is not None:
            done[construction.name] = found
    own = {c.name: done[c.name][0] for c in recipe.constructions if c.families and c.name in done}
    shards = assign(own, inventory)
    if shards.of:
        write_shards(pool, inventory.blocks, Path(out) / "pool", shards, list(done))
    for construction in recipe.constructions:
        if construction.name not in done:
            continue
        families, left_out = done[construction.name]
        named = construction.model_copy(update={"version": construction.version + "-partial" * partial})
        if construction.mini_of:
            write_mini(recipe, named, families, inventory, shards, Path(out) / "pool", Path(minis))
        else:
            write_split(recipe, named, families, left_out, inventory, shards, Path(out))
        write_construction_report(Path(report), construction.name, families, left_out, inventory)
        log(
            f"{construction.name}: {len(families)} families"
            + f", left out: {', '.join(left_out)}" * bool(left_out)
        )
    return list(done)


def _arranged(
    construction: Construction,
    recipe: PoolRecipe,
    tables: Path,
    inventory: Inventory,
    done: dict[str, tuple[list[Arranged], list[str]]],
    partial: bool,
    log: Callable[[str], None],
) -> tuple[list[Arranged], list[str]] | None:
    """Families and the ids of those left out; None where the construction waits."""
    name, source = construction.name, construction.shuffles or construction.mini_of
    if source and source not in done:
        log(f"{name}: waits for {source}")
        return None
    if construction.shuffles:
        return shuffle(done[source][0], inventory, recipe.seed), []
    if construction.mini_of:
        return mini(done[source][0], construction.only), []
    rows = _rows(tables / construction.families)
    check_families(rows, recipe)
    there = [row for row in rows if inventory.has(row.pool) and inventory.has(row.heldout)]
    if len(there) < len(rows) and not partial:
        log(f"{name}: {len(rows) - len(there)} of {len(rows)} families wait for blocks")
        return None
    larger = {
        group.of: group.id for block in recipe.blocks for group in block.groups if group.kind == "larger"
    }
    families, left_out = arrange(there, inventory, min_support=recipe.min_support, larger=larger)
    if not families:
        log(f"{name}: no family is there yet")
        return None
    return families, left_out


def _rows(table: Path) -> list[FamilyRow]:
    return chemistry_rows(table) if table.suffix == ".yaml" else read_families(table)
