"""Labels a file of structures: journalled, resumable, in processes or on a Dask cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import MfbenchError
from mfbench.work.executor import Executor
from mfbench.work.journal import open_journal
from mfbench_tasks.labelling.entry import SUFFIX, Entry, decode_entry, encode_entry
from mfbench_tasks.labelling.level import Level, check_molecule
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.labelling.run_queue import label_one, level_request
from mfbench_tasks.labelling.write_labels import write_labelled

__all__ = [
    "Labelled",
    "journal_folder",
    "label_by_name",
    "label_structures",
    "structures_digest",
]


@dataclass(frozen=True)
class Labelled:
    """What a labelling run did: structures, labelled now, labelled before, failed (of all), why."""

    structures: int
    made: int
    kept: int
    failed: int
    reasons: tuple[str, ...]
    core_seconds: float


def journal_folder(out: Path) -> Path:
    """Where the finished labels of an output file lie."""
    return out.with_name(f"{out.name}.journal")


def label_structures(
    configurations: Sequence[Configuration],
    level: Level,
    out: Path,
    *,
    executor: Executor,
    resume: bool = False,
    begin: Callable[[int, int], None] = lambda total, done: None,
    tick: Callable[[Entry], None] = lambda entry: None,
) -> Labelled:
    """Label every structure and write ``out``; what is finished is in ``journal_folder(out)``.

    A structure that cannot be labelled is a row that says why.

    Args:
        executor: open.
        resume: go on with the journal.
        begin: called once with (structures, found in the journal).
        tick: called with every new entry.

    Raises:
        LevelError: the level cannot run here.
        WorkError: the journal is of other structures or another level, or in use, or not to be resumed.
    """
    request = level_request(level, structures_digest(configurations))
    with open_journal(journal_folder(out), request, resume=resume, suffix=SUFFIX) as journal:
        entries = journal.read(decode_entry)
        kept = sum(not e.failure for e in entries.values())
        begin(len(configurations), len(entries))
        todo = [c for c in configurations if c.config_id not in entries]
        for _, entry in executor.run(partial(label_by_name, level.name), todo):
            journal.add(entry.key, encode_entry(entry))
            entries[entry.key] = entry
            tick(entry)
        write_labelled(out, configurations, entries, level)
    return Labelled(
        structures=len(configurations),
        made=sum(not entries[c.config_id].failure for c in todo),
        kept=kept,
        failed=sum(bool(e.failure) for e in entries.values()),
        reasons=tuple(f"structure {e.key}: {e.failure}" for e in entries.values() if e.failure),
        core_seconds=sum(e.seconds for e in entries.values()),
    )


def label_by_name(name: str, configuration: Configuration) -> Entry:
    """What a worker does: levels travel by name."""
    level = find_level(name)
    try:
        check_molecule(
            level, configuration.atomic_numbers, configuration.total_charge, configuration.n_unpaired
        )
    except MfbenchError as refusal:
        return Entry(configuration.config_id, None, None, str(refusal))
    return label_one(level, configuration)


def structures_digest(configurations: Sequence[Configuration]) -> str:
    """SHA-256 of names, atoms, charges, spins and positions, in order."""
    digest = hashlib.sha256()
    for c in configurations:
        digest.update(f"{c.config_id};{c.total_charge};{c.n_unpaired};".encode())
        digest.update(np.ascontiguousarray(c.atomic_numbers, "<i4").tobytes())
        digest.update(np.ascontiguousarray(c.positions, "<f8").tobytes())
    return digest.hexdigest()
