"""Labels a file of structures: journalled, resumable, in processes or on a Dask cluster."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import MfbenchError, WorkError
from mfbench.work.executor import Executor
from mfbench.work.journal import discard_journal, open_journal
from mfbench_tasks.labelling.entry import SUFFIX, Entry, decode_entry, encode_entry
from mfbench_tasks.labelling.level import Level, check_molecule
from mfbench_tasks.labelling.read_structures import read_structures
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
    """Label every structure and write ``out``; until then, what is finished is in ``journal_folder(out)``.

    A structure that cannot be labelled is a row that says why.

    Args:
        executor: open.
        resume: go on with the journal; where ``out`` is there, it is finished, and only looked at.
        begin: called once with (structures, found in the journal).
        tick: called with every new entry.

    Raises:
        LevelError: the level cannot run here.
        WorkError: the journal, or ``out``, is of other structures or another level, or the journal is in
            use, or not to be resumed.
    """
    if resume and out.exists():
        done = _finished(out, configurations, level)
        discard_journal(journal_folder(out))
        begin(done.structures, done.structures)
        return done
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
    discard_journal(journal_folder(out))
    return Labelled(
        structures=len(configurations),
        made=sum(not entries[c.config_id].failure for c in todo),
        kept=kept,
        failed=sum(bool(e.failure) for e in entries.values()),
        reasons=tuple(f"structure {e.key}: {e.failure}" for e in entries.values() if e.failure),
        core_seconds=sum(e.seconds for e in entries.values()),
    )


def _finished(out: Path, configurations: Sequence[Configuration], level: Level) -> Labelled:
    """What a finished file holds: it appears when it is whole, so there is nothing to go on with.

    Raises:
        WorkError: it is of other structures, or of another level.
    """
    found = read_structures(out)
    headers = [line for line in out.read_text(encoding="utf-8").splitlines() if " level=" in line]
    same = len(found) == len(configurations) == len(headers) and all(
        np.array_equal(a.atomic_numbers, b.atomic_numbers)
        and (a.total_charge, a.n_unpaired) == (b.total_charge, b.n_unpaired)
        and np.allclose(a.positions, b.positions, rtol=0, atol=1e-8)
        for a, b in zip(found, configurations, strict=True)
    )
    if not same:
        raise WorkError(f"{out} is finished, and of other structures: choose another name")
    if any(f'level="{level.name}"' not in line for line in headers):
        raise WorkError(f"{out} is finished, and not at {level.name}: choose another name")
    said = [re.search(r'label_failure="([^"]*)"', line) for line in headers]
    reasons = [
        f"structure {c.config_id}: {why[1]}" for c, why in zip(configurations, said, strict=True) if why
    ]
    kept = len(found) - len(reasons)
    return Labelled(len(found), 0, kept, len(reasons), tuple(reasons), 0.0)


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
