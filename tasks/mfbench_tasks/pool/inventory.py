"""What the blocks of a pool hold, without positions and labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mfbench.data.parquet import read_table
from mfbench.errors import DataError
from mfbench_tasks.fragments.stored import stored_motif
from mfbench_tasks.pool.blocks import is_written, part
from mfbench_tasks.sampling.role import Role, stored_role

__all__ = ["Inventory", "StoredConfiguration", "StoredFragment", "take_inventory"]


@dataclass(frozen=True)
class StoredConfiguration:
    """Names of a configuration in a block, and what it was sampled for: support or query."""

    config_id: str
    fragment_id: str
    trajectory_id: str
    role: Role


@dataclass(frozen=True)
class StoredFragment:
    """A fragment in a block.

    Attributes:
        block: its block's name.
        kind, motif: e.g. ``contact`` and ``contact:ALA-VAL``.
        protein: ``<entry>_<chain>``.
        elements: atomic numbers that occur.
        deep: configurations of a deep pool, in block ``deep_block``.
    """

    fragment_id: str
    block: str
    graph_id: str
    kind: str
    motif: str
    protein: str
    elements: frozenset[int]
    configurations: tuple[StoredConfiguration, ...]
    deep: tuple[StoredConfiguration, ...] = ()
    deep_block: str | None = None


@dataclass(frozen=True)
class Inventory:
    """Fragments by id, the ids of each group ``groups[group, heldout]``, and the blocks that are there."""

    fragments: dict[str, StoredFragment]
    groups: dict[tuple[str, bool], tuple[str, ...]]
    blocks: tuple[str, ...] = ()

    def has(self, group: str) -> bool:
        """Whether the group's block is there."""
        return (group, False) in self.groups or (group, True) in self.groups


def take_inventory(folder: Path, blocks: Sequence[str]) -> Inventory:
    """Read those of the blocks that are written.

    Raises:
        DataError: a table is damaged, a fragment is in two blocks, or a deep one is in none.
    """
    fragments: dict[str, StoredFragment] = {}
    groups: dict[tuple[str, bool], list[str]] = defaultdict(list)
    deep: list[tuple[str, dict[str, list[StoredConfiguration]]]] = []
    for block in blocks:
        if not is_written(folder, block):
            continue
        stored: dict[str, list[StoredConfiguration]] = defaultdict(list)
        names = ["config_id", "fragment_id", "trajectory_id"]
        for row in read_table(part(folder, block, "configurations")).select(names).to_pylist():
            stored[row["fragment_id"]].append(
                StoredConfiguration(**row, role=stored_role(row["trajectory_id"]))
            )
        if not read_table(part(folder, block, "fragments")).num_rows:
            deep.append((block, stored))
        for row in read_table(part(folder, block, "fragments")).to_pylist():
            name = row["fragment_id"]
            if name in fragments:
                raise DataError(f"fragment {name} is in blocks {fragments[name].block} and {block}")
            fragments[name] = StoredFragment(
                fragment_id=name,
                block=block,
                graph_id=row["graph_id"],
                kind=row["kind"],
                motif=stored_motif(row),
                protein=f"{row['pdb_id']}_{row['chain']}",
                elements=frozenset(row["atomic_numbers"]),
                configurations=tuple(stored[name]),
            )
        for row in read_table(part(folder, block, "groups")).to_pylist():
            groups[row["group_id"], row["heldout"]].append(row["fragment_id"])
    for block, stored in deep:
        for name, found in stored.items():
            if name not in fragments:
                raise DataError(f"block {block} deepens fragment {name}, which no block describes")
            fragments[name] = replace(fragments[name], deep=tuple(found), deep_block=block)
    there = tuple(block for block in blocks if is_written(folder, block))
    return Inventory(fragments, {key: tuple(names) for key, names in groups.items()}, there)
