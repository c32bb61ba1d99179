"""Files that the jobs of a block are made from, by their hashes."""

from __future__ import annotations

from pathlib import Path

from mfbench.work.request import file_digests
from mfbench_tasks.build.inputs import entry_digests
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.families.chemistry import load_places
from mfbench_tasks.pool.blocks import PARTS, part
from mfbench_tasks.pool.group_kinds import AnyGroup
from mfbench_tasks.pool.recipe import Block, PoolRecipe

__all__ = ["read_by"]


def read_by(block: Block, recipe: PoolRecipe, structures: Path, pool: Path) -> dict[str, str]:
    """Name of a file → SHA-256: entries of the block's groups, tables beside the recipe, and for a deep
    block the blocks of the pool that it adds to."""
    if block.deep:
        wanted = {group.of for group in block.groups if group.kind == "deep"}
        sources = [b.name for b in recipe.blocks if wanted & {group.id for group in b.groups}]
        return file_digests([part(pool, name, p) for name in sources for p in PARTS], Path(pool))
    found = entry_digests(structures, [e for group in block.groups for e in _entries(group, recipe)])
    if recipe.chemistry is not None and any(group.kind == "chemistry" for group in block.groups):
        table = Path(recipe.chemistry)
        found |= file_digests([table, _places(table)], table.parent)
    return found


def _entries(group: AnyGroup, recipe: PoolRecipe) -> list[str]:
    if group.kind == "chemistry":
        if recipe.chemistry is None:
            return []
        places = load_places(_places(Path(recipe.chemistry)))
        return [place.pdb_id for place in places if place.family == group.id]
    if group.kind == "larger":
        return [Protein.named(group.protein).pdb_id]
    if group.kind == "protein":
        beside = [Protein.named(group.beside).pdb_id] if group.beside else []
        return [Protein.named(group.id).pdb_id, *beside]
    return []


def _places(table: Path) -> Path:
    """The table of places lies beside that of families."""
    return table.with_name(f"{table.stem}_places.tsv")
