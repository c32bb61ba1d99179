"""Reading a store as a whole: the index, healed where the store moved on. A bad folder hides no other."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from mfbench.data.printable_text import printable
from mfbench.errors import MfbenchError
from mfbench.store.fresh_test.record import FreshTestRecord, Verdict
from mfbench.store.rows import ROWS, Summary, read_part, write_part
from mfbench.store.store import Store

__all__ = ["Broken", "Snapshot", "Trust", "read_store"]


class Trust(StrEnum):
    """How far numbers are to be believed.

    ``verified``: a fresh test confirmed it; ``refuted``: one contradicted it; else ``recomputed`` where
    its predictions are here, and ``reproducible`` where its errors are, with all that a rerun needs.
    """

    REPRODUCIBLE = "reproducible"
    RECOMPUTED = "recomputed"
    VERIFIED = "verified"
    REFUTED = "refuted"


@dataclass(frozen=True)
class Broken:
    """A folder that cannot be shown, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A store at one moment.

    Attributes:
        url: where.
        summaries: id → summary, in order of id.
        rows: scores of all, columns of ``ROWS``.
        broken: what could not be read.
        records: id → fresh tests.
    """

    url: str
    summaries: dict[str, Summary]
    rows: pa.Table
    broken: list[Broken]
    records: dict[str, list[FreshTestRecord]] = field(default_factory=dict)

    def trust(self, name: str) -> Trust:
        """How far the numbers of a submission are to be believed."""
        verdicts = {record.verdict for record in self.records.get(name, [])}
        if Verdict.REFUTED in verdicts:
            return Trust.REFUTED
        if Verdict.CONFIRMED in verdicts:
            return Trust.VERIFIED
        return Trust.REPRODUCIBLE if self.summaries[name].compact else Trust.RECOMPUTED


def read_store(
    store: Store, *, write: bool = True, tick: Callable[[int, int], None] | None = None
) -> Snapshot:
    """Read the index, add what it lacks, drop what is gone, and write it back.

    Args:
        store: to read.
        write: try to write the healed index; a store that cannot be written is read all the same.
        tick: ``tick(done, total)`` for every submission that had to be looked at.
    """
    found = _read(store, "index.parquet")
    summaries, table, meta = found if found else ([], ROWS.empty_table(), {})
    known = {summary.id: summary for summary in summaries}
    ids = store.ids()
    files = store.files
    kept, looked, tables, broken, restamped = {}, [], [], [], False
    for name in ids:
        stamp = files.stamp(f"submissions/{name}")
        if name in known and (stamp is None or stamp == known[name].stamp):
            kept[name] = known[name]
        else:
            looked.append((name, stamp))
    for number, (name, stamp) in enumerate(looked):
        try:
            summary, rows = _look(store, name, stamp, known.get(name))
            kept[name] = summary
            if rows is None:
                restamped = True
            else:
                tables.append(rows)
        except (MfbenchError, OSError) as error:
            broken.append(Broken(name, printable(error)))
        if tick:
            tick(number + 1, len(looked))
    gone = set(known) - set(kept)
    if gone:
        keep = pa.array([s not in gone for s in table["submission"].to_pylist()])
        table = table.filter(keep)
    if tables:
        table = pa.concat_tables([table, *tables]).unify_dictionaries().combine_chunks()
    records = _records(store, meta)
    ordered = {name: kept[name] for name in sorted(kept)}
    if write and (gone or tables or restamped or records != _known_records(meta)):
        known_records = {
            name: {file: r.model_dump(mode="json") for file, r in each.items()}
            for name, each in records.items()
        }
        with contextlib.suppress(OSError, NotImplementedError):
            extra = {"records": known_records}
            files.write("index.parquet", write_part(list(ordered.values()), table, extra))
    return Snapshot(
        store.url,
        ordered,
        table,
        broken,
        {name: list(each.values()) for name, each in records.items() if name in ordered},
    )


def _look(
    store: Store, name: str, stamp: dict[str, list[int]] | None, known: Summary | None
) -> tuple[Summary, pa.Table | None]:
    """A submission that the index does not know as it is: its part if that fits, else recomputed.

    A folder whose times changed (it was copied, or cloned) but whose content still has the hash of its
    name keeps its scores.
    """
    part = None if known else _read(store, f"parts/{name}.parquet")
    held = part[0][0] if part and len(part[0]) == 1 and part[0][0].id == name else None
    if summary := known or held:
        if stamp is None or summary.stamp != stamp:
            store.read_files(name)
            summary = summary.model_copy(update={"stamp": stamp})
        return summary, part[1] if part and not known else None
    _, summary, table = store.recompute(name)
    with contextlib.suppress(OSError, NotImplementedError):
        store.files.write(f"parts/{name}.parquet", write_part([summary], table))
    return summary, table


def _read(store: Store, path: str) -> tuple[list[Summary], pa.Table, dict[str, Any]] | None:
    try:
        return read_part(store.files.read(path))
    except (OSError, KeyError):
        return None


def _known_records(meta: dict[str, Any]) -> dict[str, dict[str, FreshTestRecord]]:
    """Records that the index holds."""
    try:
        return {
            name: {file: FreshTestRecord.model_validate(r) for file, r in each.items()}
            for name, each in meta.get("records", {}).items()
        }
    except (ValidationError, AttributeError):
        return {}


def _records(store: Store, meta: dict[str, Any]) -> dict[str, dict[str, FreshTestRecord]]:
    """Records of fresh tests by submission and file; only new files are read, damaged ones are left out."""
    known_records = _known_records(meta)
    found: dict[str, dict[str, FreshTestRecord]] = {}
    for name in store.files.list("verifications"):
        for file in store.files.list(f"verifications/{name}"):
            record = known_records.get(name, {}).get(file)
            if record is None:
                try:
                    record = FreshTestRecord.model_validate(
                        json.loads(store.files.read(f"verifications/{name}/{file}"))
                    )
                except (OSError, ValueError):
                    continue
            if record.submission == name:
                found.setdefault(name, {})[file] = record
    return found
