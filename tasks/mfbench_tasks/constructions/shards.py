"""Shards of a published pool: blocks re-arranged so that each shard serves whole folds.

A block holds what was made together; a reader wants what is used together. A shard holds the fragments
that every construction puts into the same fold, or does not use: ``cath-train.cluster30-test``. So a fold
of a construction is a list of whole shards, and all constructions still share one copy of every label.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfbench.data.configuration import Configuration
from mfbench.data.manifest import read_manifest
from mfbench.data.parquet import read_configurations, read_table
from mfbench.errors import DataError
from mfbench_tasks.constructions.arrangements.arrangement import ArrangedFamily
from mfbench_tasks.pool.blocks import PARTS, part, write_tables
from mfbench_tasks.pool.inventory import Inventory

__all__ = ["Shards", "assign", "write_shards"]


@dataclass(frozen=True)
class Shards:
    """Fragment → its shard, and fragment → the shard of its deep pool. What nobody uses has none."""

    of: dict[str, str]
    deep: dict[str, str] = field(default_factory=dict)

    def of_families(self, families: Sequence[ArrangedFamily]) -> list[str]:
        """Names of the shards that these families need."""
        names = {self.of[f] for family in families for f in family.fragments}
        names |= {self.deep[f] for family in families if family.deep for f in family.pool_fragments}
        return sorted(names)


def assign(constructions: Mapping[str, Sequence[ArrangedFamily]], inventory: Inventory) -> Shards:
    """The shard of every fragment, from the constructions that have families of their own, in order.

    Larger cuts and deep pools have shards of their own: a permuted construction does without them.

    Raises:
        DataError: a construction uses a fragment in two folds.
    """
    folds: dict[str, dict[str, str]] = defaultdict(dict)
    larger = {
        f for families in constructions.values() for family in families for f in family.larger_fragments
    }
    deep: dict[str, dict[str, str]] = defaultdict(dict)
    for name, families in constructions.items():
        for family in families:
            for fragment in family.fragments:
                if folds[fragment].setdefault(name, family.fold) != family.fold:
                    raise DataError(f"{name} uses fragment {fragment} in two folds")
            for fragment in family.pool_fragments if family.deep else ():
                if inventory.fragments[fragment].deep:
                    deep[fragment][name] = family.fold
    return Shards(
        {f: _label(found) + ".larger" * (f in larger) for f, found in folds.items()},
        {f: _label(found) + ".deep" for f, found in deep.items()},
    )


def _label(folds: Mapping[str, str]) -> str:
    return ".".join(f"{name}-{fold}" for name, fold in folds.items())


def write_shards(pool: Path, blocks: Sequence[str], out: Path, shards: Shards, mine: Sequence[str]) -> None:
    """Write all shards from the blocks in ``pool``; the same blocks give the same bytes.

    Args:
        mine: names of the constructions that are written; what others beside them name stays.

    Raises:
        DataError: a block is damaged, or ``out`` holds shards of another arrangement.
    """
    names = set(shards.of.values()) | set(shards.deep.values())
    known = {part(out, name, kind).name for name in names for kind in PARTS[1:]}
    for manifest in Path(out).parent.glob("*/manifest.json"):
        if manifest.parent.name not in mine:
            known |= {Path(file).name for file in read_manifest(manifest.parent).files}
    if stray := sorted({path.name for path in Path(out).glob("*.parquet")} - known):
        raise DataError(f"{out} holds {stray[0]}, which is no shard: remove it, or choose another folder")
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    configurations: dict[str, list[Configuration]] = defaultdict(list)
    for block in blocks:
        fragments = read_table(part(pool, block, "fragments")).to_pylist()
        where = shards.of if fragments else shards.deep
        for row in fragments:
            if row["fragment_id"] in where:
                rows[where[row["fragment_id"]]].append(row)
        for c in read_configurations(part(pool, block, "configurations")):
            if c.fragment_id in where:
                configurations[where[c.fragment_id]].append(c)
    for name in sorted(names):
        # Stable: the configurations of a fragment stay in the order in which they were made.
        found = sorted(configurations[name], key=lambda c: c.fragment_id)
        write_tables(out, name, sorted(rows[name], key=lambda r: r["fragment_id"]), found)
