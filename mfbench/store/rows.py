"""What the board knows of a submission: one table of scores, and one summary.

A *part* is a small Parquet file with both; the index is all parts in one file. The summary travels in the
schema's metadata, so that reading it does not unpack a row.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.data.parquet import parquet_of
from mfbench.metrics.errors import CALIBRATION, COSTS, DYNAMICS, METRICS
from mfbench.results.results import AggregateRow
from mfbench.results.score_run import family_groups
from mfbench.submission.card import Card
from mfbench.submission.checked import Checked
from mfbench.submission.detectors.findings import Finding

__all__ = ["ROWS", "VERSION", "Summary", "part_of", "read_part", "write_part"]

VERSION = 1
"""Raised when the layout changes, or when the same files would score differently: parts are then remade."""

ROWS = pa.schema(
    [
        ("submission", pa.dictionary(pa.int32(), pa.string())),
        ("split", pa.dictionary(pa.int32(), pa.string())),
        ("k", pa.int32()),
        ("query", pa.dictionary(pa.int32(), pa.string())),
        ("metric", pa.dictionary(pa.int32(), pa.string())),
        ("value", pa.float64()),
        ("lo", pa.float64()),
        ("hi", pa.float64()),
        ("n_families", pa.int32()),
        ("constant", pa.float64()),  # the constant method on the same episodes
        ("families", pa.list_(pa.float32())),  # error of each family, in the summary's order
        ("sketch", pa.list_(pa.float32())),  # see mfbench.submission.detectors.error_fingerprint
    ]
)


class Summary(BaseModel):
    """One submission, without its numbers.

    Attributes:
        id: its folder's name.
        card: what it declares.
        families: test families in order; bootstrap groups beside them.
        findings: when it was scored here.
        failed, episodes: number of episodes without predictions, and of all.
        compact: whether errors per configuration are kept instead of predictions.
        filed_at: date and time (UTC) of filing, as its receipt says.
        stamp: sizes and times of its files when it was scored.
        size_bytes: of its files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    card: Card
    families: list[str]
    groups: list[int]
    findings: list[Finding]
    failed: int
    episodes: int
    compact: bool = False
    filed_at: str = ""
    stamp: dict[str, list[int]] | None = None
    size_bytes: int = 0


def part_of(
    name: str, checked: Checked, *, filed_at: str, stamp: dict[str, list[int]] | None, size_bytes: int
) -> tuple[Summary, pa.Table]:
    """Summary and scores of a checked submission; ``size_bytes``: of its files, as they are kept."""
    families = checked.reference.families
    groups = family_groups(checked.reference.split, families)
    summary = Summary(
        id=name,
        card=checked.card,
        families=families,
        groups=[groups[f] for f in families],
        findings=checked.findings,
        failed=len(checked.results.failures),
        episodes=len(checked.reference.episodes),
        compact=checked.compact,
        filed_at=filed_at,
        stamp=stamp,
        size_bytes=size_bytes,
    )
    return summary, _table(name, checked)


def _table(name: str, checked: Checked) -> pa.Table:
    results = checked.results
    constant = {(r.metric, r.k, r.query): r.value for r in results.constant}
    prints = checked.fingerprints
    rows = []
    for row in [*results.aggregate, *_costs(checked)]:
        key = (row.metric, row.k, row.query)
        drawn = prints.get(row.k) if (row.metric, row.query) == ("force_rmse", "all") else None
        rows.append(
            {
                **row.model_dump(exclude={"ci95"}),
                "submission": name,
                "lo": row.ci95[0],
                "hi": row.ci95[1],
                "constant": constant.get(key),
                "families": _of_families(checked, row),
                "sketch": None if drawn is None else drawn.ravel(),
            }
        )
    return pa.Table.from_pylist(rows, schema=ROWS)


def _of_families(checked: Checked, row: AggregateRow) -> np.ndarray | None:
    """Mean over draws of every family, NaN where it has no such stratum; costs have none."""
    if row.metric not in METRICS:
        return None
    found = checked.results.per_family(row.metric, row.k, row.query)
    return np.array([found.get(name, np.nan) for name in checked.reference.families], np.float32)


def _costs(checked: Checked) -> list[AggregateRow]:
    """Declared costs in the form of scores, without intervals."""
    split, n = checked.reference.split.name, len(checked.reference.families)
    return [
        AggregateRow(
            split=split, metric=name, k=cost.k, query="all", value=value, ci95=(None, None), n_families=n
        )
        for cost in checked.card.costs
        if cost.k in checked.card.run.ks
        for name in (*COSTS, *DYNAMICS, *CALIBRATION, "peak_memory_bytes")
        if (value := getattr(cost, name)) is not None
    ]


def write_part(summaries: Sequence[Summary], table: pa.Table, extra: dict[str, Any] | None = None) -> bytes:
    """Summaries and their rows as one Parquet file."""
    text = [s.model_dump(mode="json", by_alias=True, exclude_none=True) for s in summaries]
    meta = {"version": VERSION, "metrics": list(METRICS), "summaries": text, **(extra or {})}
    table = table.replace_schema_metadata({"mfbench": json.dumps(meta)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", store_schema=True)
    return buffer.getvalue()


def read_part(data: bytes) -> tuple[list[Summary], pa.Table, dict[str, Any]] | None:
    """What ``write_part`` wrote; None if it is damaged or of another version: it can be made again."""
    try:
        table = parquet_of(data).read(use_threads=False)
        meta = json.loads(table.schema.metadata[b"mfbench"])
        if meta["version"] != VERSION:
            return None
        summaries = [Summary.model_validate(s) for s in meta["summaries"]]
        table = table.replace_schema_metadata(None).cast(ROWS)
    except (pa.ArrowException, ValidationError, ValueError, KeyError, TypeError, OSError):
        return None
    return summaries, table, meta
