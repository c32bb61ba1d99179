"""Families of a committed table, each with its fragments from the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mfbench.errors import DataError
from mfbench_tasks.constructions.arrangements.arrangement import (
    ArrangedFamily,
    Arrangement,
    Families,
    Given,
    Waits,
    repeated_graphs,
)
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.families.table import FamilyRow, read_any_families
from mfbench_tasks.pool.group_kinds import LargerGroup
from mfbench_tasks.pool.inventory import Inventory
from mfbench_tasks.pool.recipe import Construction, PoolRecipe
from mfbench_tasks.sampling.role import Role

__all__ = ["ARRANGEMENT", "arrange", "check_families"]


def check_families(rows: Sequence[FamilyRow], recipe: PoolRecipe) -> None:
    """What a table of families promises: folds share nothing, reserved groups serve test families.

    Raises:
        DataError: an entry or a 30 % cluster is in two folds, or training uses a reserved group.
    """
    owner: dict[str, str] = {}
    reserved = {group.id for block in recipe.blocks for group in block.groups if group.reserved}
    for row in rows:
        keys = [f"entry {Protein.named(name).pdb_id}" for name in row.proteins]
        for key in keys + [f"cluster {name}" for name in row.clusters]:
            if owner.setdefault(key, row.fold) != row.fold:
                raise DataError(f"{key} is in folds {owner[key]} and {row.fold}: see {row.family_id}")
        if row.fold != "test" and {row.support_group, row.heldout_group} & reserved:
            raise DataError(f"{row.fold} family {row.family_id} uses a group reserved for test families")


def arrange(
    rows: Sequence[FamilyRow],
    inventory: Inventory,
    *,
    min_support: int,
    larger: Mapping[str, str] | None = None,
) -> Families:
    """Families with their fragments; those that lost too many of them are left out.

    Test families also get what their pool group has of deep configurations and larger cuts.

    Args:
        larger: pool group → group of its larger cuts.

    Raises:
        DataError: a family holds the same molecular graph twice.
    """
    out, left_out = [], []
    for row in rows:
        pool = inventory.groups.get((row.support_group, False), ())
        extra = (larger or {}).get(row.support_group, "") if row.fold == "test" else ""
        family = ArrangedFamily(
            family_id=row.family_id,
            fold=row.fold,
            family_class=row.family_class,
            title=row.title,
            proteins=row.proteins or _proteins(row, inventory),
            cluster30=row.clusters,
            pool_fragments=pool,
            heldout_fragments=inventory.groups.get((row.heldout_group, True), ()),
            larger_fragments=inventory.groups.get((extra, True), ()),
            deep=row.fold == "test" and any(inventory.fragments[name].deep for name in pool),
        )
        if _support(family, inventory) < min_support or not family.heldout_fragments:
            left_out.append(row.family_id)
            continue
        if repeated_graphs(family.fragments, inventory):
            raise DataError(f"family {row.family_id} holds a molecular graph twice")
        out.append(family)
    return Families(out, left_out)


def _proteins(row: FamilyRow, inventory: Inventory) -> tuple[str, ...]:
    """Of the fragments that were made, where the table does not say."""
    names = inventory.groups.get((row.support_group, False), ()) + inventory.groups.get(
        (row.heldout_group, True), ()
    )
    return tuple(sorted({inventory.fragments[name].protein for name in names}))


def _support(family: ArrangedFamily, inventory: Inventory) -> int:
    return sum(
        c.role == Role.SUPPORT for f in family.pool_fragments for c in inventory.fragments[f].configurations
    )


def _families(construction: Construction, given: Given) -> Families:
    rows = read_any_families(given.tables / construction.source)
    check_families(rows, given.recipe)
    inventory = given.inventory
    there = [row for row in rows if inventory.has(row.support_group) and inventory.has(row.heldout_group)]
    if len(there) < len(rows) and not given.partial:
        raise Waits(f"{len(rows) - len(there)} of {len(rows)} families wait for blocks")
    groups = [group for block in given.recipe.blocks for group in block.groups]
    larger = {group.of: group.id for group in groups if isinstance(group, LargerGroup)}
    found = arrange(there, inventory, min_support=given.recipe.min_support, larger=larger)
    if not found.families:
        raise Waits("no family is there yet")
    return found


ARRANGEMENT = Arrangement(_families, decides_shards=True)
