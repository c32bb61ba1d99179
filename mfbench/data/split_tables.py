"""The tables of a split beside its configurations: schemas, and how a whole folder is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mfbench.data.elements import symbol
from mfbench.data.manifest import FILES, data_hash
from mfbench.data.parquet import sha256, write_configurations
from mfbench.data.task import ROLES as ROLE_NAMES
from mfbench.data.task import Fold, Task
from mfbench.work.files import write_text, written

__all__ = ["DRAWS", "FAMILIES", "LARGER", "ROLES", "write_rows", "write_tasks"]

FAMILIES = pa.schema(
    [
        ("family_id", pa.string()),
        ("fold", pa.string()),
        ("stratum", pa.string()),
        ("title", pa.string()),
        ("proteins", pa.list_(pa.string())),
        ("cluster30", pa.list_(pa.string())),
        ("pool_fragments", pa.list_(pa.string())),
        ("heldout_fragments", pa.list_(pa.string())),
    ]
)
LARGER = FAMILIES.append(pa.field("larger_fragments", pa.list_(pa.string())))
"""Of a construction in which some families have larger cuts."""
ROLES = pa.schema([("family_id", pa.string()), ("config_id", pa.string()), ("role", pa.string())])
DRAWS = pa.schema(
    [
        ("family_id", pa.string()),
        ("draw", pa.int16()),
        ("rank", pa.int16()),
        ("config_id", pa.string()),
    ]
)
_MOLECULES = pa.schema(
    [
        ("fragment_id", pa.string()),
        ("graph_id", pa.string()),
        ("formula", pa.string()),
        ("atomic_numbers", pa.list_(pa.uint8())),
        ("total_charge", pa.int8()),
        ("n_unpaired", pa.int8()),
    ]
)


def write_rows(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    """Write a table; the same rows give the same bytes."""
    with written(path) as temporary:
        pq.write_table(
            pa.Table.from_pylist(rows, schema=schema),
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=[f.name for f in schema if f.type == pa.string()],
            column_encoding={
                f"{f.name}.list.element": "BYTE_STREAM_SPLIT"
                for f in schema
                if f.type == pa.list_(pa.float32())
            },
        )


def write_tasks(folder: Path, tasks: Sequence[Task], facts: Mapping[str, Any]) -> None:
    """Write tasks as a self-contained split: five tables and a manifest. The same tasks, the same bytes.

    Args:
        folder: an empty one.
        tasks: each with its own fragments; positions on the storage grid.
        facts: the manifest's other fields: ``name``, ``version``, ``level_of_theory``, ``license``,
            ``seed``, ``recipe``, ``tools``, ``isolated_atom_energies_eV``, ``changelog``.

    Raises:
        DataError: a configuration has no label, or is not on the grid.
    """
    configurations = [c for task in tasks for c in task.everything]
    write_configurations(folder / "configurations.parquet", configurations)
    first = {c.fragment_id: c for c in reversed(configurations)}
    graphs = {fragment: graph for task in tasks for fragment, graph in task.graphs.items()}
    molecules = [
        {
            "fragment_id": name,
            "graph_id": graphs[name],
            "formula": _formula(c.atomic_numbers.tolist()),
            "atomic_numbers": c.atomic_numbers.tolist(),
            "total_charge": c.total_charge,
            "n_unpaired": c.n_unpaired,
        }
        for name, c in sorted(first.items())
    ]
    write_rows(folder / "fragments.parquet", molecules, _MOLECULES)
    write_rows(folder / "families.parquet", [_family_row(task) for task in tasks], FAMILIES)
    roles = [
        {"family_id": task.family_id, "config_id": c.config_id, "role": role}
        for task in tasks
        for role in ROLE_NAMES
        for c in getattr(task, role)
    ]
    write_rows(folder / "roles.parquet", roles, ROLES)
    draws = [
        {"family_id": t.family_id, "draw": draw, "rank": rank, "config_id": t.support[i].config_id}
        for t in tasks
        for draw, row in enumerate(t.draws.tolist())
        for rank, i in enumerate(row)
    ]
    write_rows(folder / "draws.parquet", draws, DRAWS)
    files = {name: sha256(folder / name) for name in FILES}
    counts = {
        "families": len(tasks),
        "fragments": len(molecules),
        "configurations": len(configurations),
        "graphs": len(set(graphs.values())),
        **{f"{fold}_families": sum(t.fold == fold for t in tasks) for fold in Fold},
    }
    manifest = {"schema": 1, **facts, "counts": counts, "files": files, "data_hash": data_hash(files)}
    write_text(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def _family_row(task: Task) -> dict[str, Any]:
    pool = list(dict.fromkeys(c.fragment_id for c in task.support))
    return {
        "family_id": task.family_id,
        "fold": str(task.fold),
        "stratum": task.stratum,
        "title": task.family_id,
        "proteins": [],
        "cluster30": list(task.clusters),
        "pool_fragments": pool,
        "heldout_fragments": list(dict.fromkeys(c.fragment_id for c in task.heldout)),
    }


def _formula(numbers: Sequence[int]) -> str:
    """Hill's order: C, H, then the others by name."""
    names = [symbol(z) for z in numbers]
    order = sorted(set(names), key=lambda s: ({"C": 0, "H": 1}.get(s, 2) if "C" in names else 2, s))
    return "".join(f"{s}{names.count(s) if names.count(s) > 1 else ''}" for s in order)
