"""What a table needs of a run, small enough to commit: rows can be added when run folders are gone."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["KEPT", "METRICS", "QUERIES", "Episode", "keep", "read_kept"]

KEPT = ".parquet"
METRICS = {"energy_rmse": "energy", "energy_rmse_within": "within", "force_rmse": "forces"}
"""Metric → its column."""
QUERIES = ("all", "seen", "unseen")
"""Subsets of the query: molecules that the support shows, and others."""
_RECORD = b"run"
_OF_CARD = ("public_model", "strategy", "adaptation", "training", "phases")
_OF_TRAINING = ("split", "data_hash", "code_version", "settings", "gradients", "hardware")


@dataclass(frozen=True)
class Episode:
    """An episode; ``metrics``: query → metric → error in kcal/mol or kcal/mol/Å."""

    family_id: str
    k: int
    draw: int
    failed: bool
    metrics: dict[str, dict[str, float]]


def keep(record: dict[str, Any], episodes: list[Episode], path: Path) -> None:
    """Write the request, the card's main lines, code and hardware, and the errors of every episode."""
    card = {name: value for name in _OF_CARD if (value := (record["card"] or {}).get(name))}
    if "training" in card:
        card["training"] = {name: card["training"][name] for name in _OF_TRAINING}
    short = {"request": record["request"], "card": card, "sessions": record["sessions"]}
    short |= {name: record[name] for name in ("averaged",) if name in record}
    table = pa.Table.from_pylist([_row(episode) for episode in episodes], _schema())
    table = table.replace_schema_metadata({_RECORD: json.dumps(short, sort_keys=True).encode()})
    pq.write_table(table, path, compression="brotli", compression_level=11)


def _columns() -> dict[str, tuple[str, str]]:
    """Column → query and metric."""
    return {f"{query} {metric}": (query, metric) for query in QUERIES for metric in METRICS}


def _schema() -> pa.Schema:
    said = {"family": pa.string(), "k": pa.int16(), "draw": pa.int16(), "failed": pa.bool_()}
    return pa.schema(said | dict.fromkeys(_columns(), pa.float32()))


def _row(episode: Episode) -> dict[str, Any]:
    errors = {
        column: episode.metrics.get(query, {}).get(metric) for column, (query, metric) in _columns().items()
    }
    named = {"family": episode.family_id, "k": episode.k, "draw": episode.draw, "failed": episode.failed}
    return named | errors


def read_kept(path: Path) -> tuple[dict[str, Any], list[Episode]]:
    """The record of a run and its episodes, as ``keep`` wrote them."""
    table = pq.read_table(path)
    record = json.loads(table.schema.metadata[_RECORD])
    return record, [_episode(row) for row in table.to_pylist()]


def _episode(row: dict[str, Any]) -> Episode:
    metrics: dict[str, dict[str, float]] = defaultdict(dict)
    for column, (query, metric) in _columns().items():
        if row[column] is not None:
            metrics[query][metric] = row[column]
    return Episode(row["family"], row["k"], row["draw"], row["failed"], dict(metrics))
