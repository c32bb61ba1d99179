"""The files of a construction: families, roles, draws and manifest; a mini also holds its labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mfbench.data.manifest import FILES, OWN, POOL
from mfbench.data.parquet import read_configurations, read_table, write_configurations
from mfbench.data.split_tables import DRAWS, FAMILIES, LARGER, ROLES, write_rows
from mfbench_tasks.build.assemble import make_manifest
from mfbench_tasks.build.roles import Member, Members, draw_rows, role_rows
from mfbench_tasks.build.split_tables import FRAGMENTS
from mfbench_tasks.constructions.arrangements.arrangement import ArrangedFamily, Families
from mfbench_tasks.constructions.shards import Shards
from mfbench_tasks.pool.blocks import part
from mfbench_tasks.pool.inventory import Inventory
from mfbench_tasks.pool.recipe import Construction, PoolRecipe
from mfbench_tasks.sampling.role import Role

__all__ = ["write_mini", "write_split"]


def write_split(
    recipe: PoolRecipe,
    construction: Construction,
    found: Families,
    inventory: Inventory,
    shards: Shards,
    out: Path,
) -> None:
    """Write ``out/<name>``, whose manifest names shards in ``out/pool``."""
    folder = out / construction.name
    members = _write_own(recipe, found.families, inventory, folder)
    names = shards.of_families(found.families)
    files = [f"{POOL}/{name}.{kind}.parquet" for name in names for kind in ("configurations", "fragments")]
    _write_manifest(folder, [*OWN, *files], recipe, construction, found, members, inventory)


def write_mini(
    recipe: PoolRecipe,
    construction: Construction,
    arranged: Families,
    inventory: Inventory,
    shards: Shards,
    pool: Path,
    out: Path,
) -> None:
    """Write ``out/<name>``, complete in itself, from the shards in ``pool``."""
    folder = out / construction.name
    families = arranged.families
    members = _write_own(recipe, families, inventory, folder)
    wanted = {fragment for family in families for fragment in family.fragments}
    names = shards.of_families(families)
    rows = [r for n in names for r in read_table(part(pool, n, "fragments")).to_pylist()]
    rows = sorted((r for r in rows if r["fragment_id"] in wanted), key=lambda r: r["fragment_id"])
    write_rows(folder / "fragments.parquet", rows, FRAGMENTS)
    found = [c for n in names for c in read_configurations(part(pool, n, "configurations"))]
    found = sorted((c for c in found if c.fragment_id in wanted), key=lambda c: c.fragment_id)
    write_configurations(folder / "configurations.parquet", found)
    _write_manifest(folder, FILES, recipe, construction, Families(families), members, inventory)


def _write_own(
    recipe: PoolRecipe, families: Sequence[ArrangedFamily], inventory: Inventory, folder: Path
) -> Members:
    """Families, roles and draws; returns every family's configurations with their places."""
    folder.mkdir(parents=True, exist_ok=True)
    members = {family.family_id: _members(family, inventory) for family in families}
    schema = LARGER if any(family.larger_fragments for family in families) else FAMILIES
    write_rows(folder / "families.parquet", [_row(family) for family in families], schema)
    write_rows(folder / "roles.parquet", role_rows(members), ROLES)
    deep = {f.family_id: recipe.deep.draw_length for f in families if recipe.deep and f.deep}
    draws = draw_rows(members, draws=recipe.draws, length=recipe.draw_length, seed=recipe.seed, deep=deep)
    write_rows(folder / "draws.parquet", draws, DRAWS)
    return members


def _row(family: ArrangedFamily) -> dict[str, Any]:
    """Its row of the family table, where the class is called stratum."""
    row = dataclasses.asdict(family)
    return row | {"stratum": row.pop("family_class")}


def _members(family: ArrangedFamily, inventory: Inventory) -> list[Member]:
    """Support and query of the pool's fragments, then what is asked of the others."""
    found = []
    for name in family.pool_fragments:
        held = inventory.fragments[name]
        both = (*held.configurations, *(held.deep if family.deep else ()))
        found += [Member(c.config_id, c.fragment_id, c.role) for c in both]
    others = ((Role.HELDOUT, family.heldout_fragments), (Role.LARGER, family.larger_fragments))
    for role, names in others:
        for name in names:
            stored = inventory.fragments[name].configurations
            found += [Member(c.config_id, c.fragment_id, role) for c in stored]
    return found


def _write_manifest(
    folder: Path,
    files: Sequence[str],
    recipe: PoolRecipe,
    construction: Construction,
    found: Families,
    members: Members,
    inventory: Inventory,
) -> None:
    families = found.families
    used = [inventory.fragments[name] for family in families for name in family.fragments]
    own = {"families", "shuffles", "mini_of", "folds_disjoint_in"}
    make_manifest(
        folder,
        files,
        name=construction.name,
        version=construction.version,
        seed=recipe.seed,
        recipe=recipe.model_dump(mode="json", exclude={"blocks", "constructions", "chemistry"})
        | construction.model_dump(mode="json", include=own),
        counts={
            "families": len(families),
            "left_out_families": len(found.left_out),
            "deep_families": sum(f.deep for f in families),
            "families_with_larger_cuts": sum(bool(f.larger_fragments) for f in families),
            "fragments": len({held.fragment_id for held in used}),
            "configurations": sum(map(len, members.values())),
            "graphs": len({held.graph_id for held in used}),
            **{f"{fold}_families": sum(f.fold == fold for f in families) for fold in _FOLDS},
        },
        changelog=construction.changelog,
        atomic_numbers=sorted(frozenset().union(*(held.elements for held in used))),
    )


_FOLDS = ("train", "validation", "test")
