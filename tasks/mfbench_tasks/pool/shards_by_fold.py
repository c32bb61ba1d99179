"""From a self-contained split to a construction: its labels move into one shard of the pool per fold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mfbench.data.manifest import OWN, POOL, data_hash
from mfbench.data.parquet import read_configurations, read_table, sha256
from mfbench.work.files import write_text
from mfbench_tasks.pool.blocks import write_tables

__all__ = ["move_into_shards"]


def move_into_shards(folder: Path) -> dict[str, Any]:
    """Move the labels of a split into ``../pool/<name>-<fold>``, where each fold is whole shards.

    Returns:
        The new manifest: other files, hence another data hash.

    Raises:
        DataError: a table is damaged.
    """
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    fold_of = {
        fragment: row["fold"]
        for row in read_table(folder / "families.parquet").to_pylist()
        for fragment in (*row["pool_fragments"], *row["heldout_fragments"])
    }
    fragments = read_table(folder / "fragments.parquet").to_pylist()
    configurations = read_configurations(folder / "configurations.parquet")
    files = list(OWN)
    for fold in sorted(set(fold_of.values())):
        name = f"{manifest['name']}-{fold}"
        write_tables(
            folder / POOL,
            name,
            [row for row in fragments if fold_of[row["fragment_id"]] == fold],
            [c for c in configurations if fold_of[c.fragment_id] == fold],
        )
        files += [f"{POOL}/{name}.{kind}.parquet" for kind in ("configurations", "fragments")]
    hashes = {file: sha256(folder / file) for file in sorted(files)}
    manifest |= {"files": hashes, "data_hash": data_hash(hashes)}
    write_text(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    for name in ("configurations", "fragments"):
        (folder / f"{name}.parquet").unlink()
    return manifest
