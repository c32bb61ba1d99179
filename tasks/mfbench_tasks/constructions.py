"""Constructions: from a pool's blocks and tables of families to folders that ``load_split`` reads."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from mfbench.errors import DataError
from mfbench.manifest import OWN, POOL
from mfbench_tasks.arrange import Arranged, arrange, check_families, shuffle
from mfbench_tasks.assemble import make_manifest
from mfbench_tasks.family_table import chemistry_rows, read_families
from mfbench_tasks.inventory import Inventory, take_inventory
from mfbench_tasks.pool_recipe import Construction, PoolRecipe
from mfbench_tasks.roles import draw_rows, role_rows
from mfbench_tasks.split_tables import DRAWS, FAMILIES, ROLES, write_rows

__all__ = ["novelty", "write_constructions"]

_FOLDS = ("train", "validation", "test")


def write_constructions(
    recipe: PoolRecipe,
    *,
    tables: Path,
    pool: Path,
    out: Path,
    report: Path,
    partial: bool = False,
    log: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Write every construction whose blocks are all there.

    Args:
        tables: folder that the recipe's paths are relative to.
        pool: folder of the blocks: ``out/pool``, as the manifests name it ``../pool``.
        partial: write the families whose blocks are there, under a version that says so.
        log: takes a line for every construction, written or not.

    Returns:
        Names of those written.

    Raises:
        DataError: a block is damaged, or a table of families breaks its promises.
    """
    if Path(pool).resolve() != (Path(out) / "pool").resolve():
        raise DataError(f"constructions name their blocks {POOL}: put the pool at {Path(out) / 'pool'}")
    inventory = take_inventory(pool, [block.name for block in recipe.blocks])
    done: dict[str, list[Arranged]] = {}
    for construction in recipe.constructions:
        name, left_out = construction.name, []
        if construction.shuffles:
            source = done.get(construction.shuffles)
            if source is None:
                log(f"{name}: waits for {construction.shuffles}")
                continue
            families = shuffle(source, inventory, recipe.seed)
        else:
            table = Path(tables) / construction.families
            rows = chemistry_rows(table) if table.suffix == ".yaml" else read_families(table)
            check_families(rows, recipe)
            there = [row for row in rows if inventory.has(row.pool) and inventory.has(row.heldout)]
            if len(there) < len(rows) and not partial:
                log(f"{name}: {len(rows) - len(there)} of {len(rows)} families wait for blocks")
                continue
            families, left_out = arrange(there, inventory, min_support=recipe.min_support)
        if not families:
            log(f"{name}: no family is there yet")
            continue
        done[name] = families
        version = construction.version + "-partial" * partial
        _write(recipe, construction, version, families, left_out, inventory, Path(out) / name)
        _write_report(Path(report), name, families, left_out, inventory)
        log(f"{name}: {len(families)} families" + f", left out: {', '.join(left_out)}" * bool(left_out))
    return list(done)


def novelty(families: Sequence[Arranged], inventory: Inventory) -> list[dict]:
    """For each family outside train: how many of its fragments, graphs and motifs train does not hold."""
    train = [inventory.fragments[name] for f in families if f.fold == "train" for name in f.fragments]
    graphs, motifs = {held.graph_id for held in train}, {held.motif for held in train}
    rows = []
    for family in families:
        if family.fold == "train":
            continue
        found = [inventory.fragments[name] for name in family.fragments]
        rows.append(
            {
                "family_id": family.family_id,
                "fold": family.fold,
                "stratum": family.stratum,
                "fragments": len(found),
                "graphs_not_in_train": sum(held.graph_id not in graphs for held in found),
                "motifs_not_in_train": sum(held.motif not in motifs for held in found),
            }
        )
    return rows


def _write(
    recipe: PoolRecipe,
    construction: Construction,
    version: str,
    families: Sequence[Arranged],
    left_out: Sequence[str],
    inventory: Inventory,
    folder: Path,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    members = {
        family.family_id: [
            (c, heldout)
            for names, heldout in ((family.pool_fragments, False), (family.heldout_fragments, True))
            for name in names
            for c in inventory.fragments[name].configurations
        ]
        for family in families
    }
    write_rows(folder / "families.parquet", [dataclasses.asdict(f) for f in families], FAMILIES)
    write_rows(folder / "roles.parquet", role_rows(members), ROLES)
    draws = draw_rows(members, draws=recipe.draws, length=recipe.draw_length, seed=recipe.seed)
    write_rows(folder / "draws.parquet", draws, DRAWS)
    used = [inventory.fragments[name] for family in families for name in family.fragments]
    blocks = sorted({held.block for held in used})
    shards = [f"{POOL}/{b}.{kind}.parquet" for b in blocks for kind in ("configurations", "fragments")]
    make_manifest(
        folder,
        [*OWN, *shards],
        name=construction.name,
        version=version,
        seed=recipe.seed,
        recipe=recipe.model_dump(mode="json", exclude={"blocks", "constructions", "chemistry"})
        | construction.model_dump(mode="json", include={"families", "shuffles", "folds_disjoint_in"}),
        counts={
            "families": len(families),
            "left_out_families": len(left_out),
            "fragments": len({held.fragment_id for held in used}),
            "configurations": sum(len(found) for found in members.values()),
            "graphs": len({held.graph_id for held in used}),
            **{f"{fold}_families": sum(f.fold == fold for f in families) for fold in _FOLDS},
        },
        changelog=construction.changelog,
        atomic_numbers=sorted(frozenset().union(*(held.elements for held in used))),
    )


def _write_report(
    folder: Path, name: str, families: Sequence[Arranged], left_out: Sequence[str], inventory: Inventory
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    strata = sorted({f.stratum for f in families})
    count = Counter((f.fold, f.stratum) for f in families)
    report = {
        "families": {fold: {s: count[fold, s] for s in strata} for fold in _FOLDS},
        "left_out": list(left_out),
        "novelty": novelty(families, inventory),
    }
    (folder / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
    lines = [
        f"# {name}",
        "",
        "| fold | " + " | ".join(strata) + " | all |",
        "|---" * (len(strata) + 2) + "|",
        *(
            f"| {fold} | {' | '.join(str(count[fold, s]) for s in strata)} "
            f"| {sum(count[fold, s] for s in strata)} |"
            for fold in _FOLDS
        ),
        "",
        f"Left out, with too few fragments accepted: {', '.join(left_out) or 'none'}.",
        "",
        "| family | fold | stratum | fragments | graph not in train | motif not in train |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(str(v) for v in row.values())} |" for row in report["novelty"]),
        "",
    ]
    (folder / f"{name}.md").write_text("\n".join(lines))
