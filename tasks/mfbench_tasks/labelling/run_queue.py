"""Labels a queue of configurations; several processes may share one queue and one journal."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence

from mfbench.data.configuration import Configuration
from mfbench_tasks.labelling.label_journal import Entry, LabelJournal
from mfbench_tasks.labelling.level import Level, ScfFailure

__all__ = ["label_one", "level_digest", "run_queue"]


def level_digest(level: Level, *inputs: str) -> str:
    """SHA-256 of what labels depend on: the level, its settings, and what else is named."""
    text = json.dumps([level.name, level.description, dict(level.settings), *inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _cpu_seconds() -> float:
    """CPU time of this process and of the programs that it has run."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def label_one(level: Level, configuration: Configuration, key: str = "") -> Entry:
    """The label of one configuration, or why there is none: a failure is a row, not an end.

    Raises:
        LevelError: the level cannot run here at all; see ``Level.engine``.
    """
    key = key or configuration.config_id
    engine = level.engine(
        configuration.atomic_numbers, configuration.total_charge, configuration.n_unpaired
    )
    started = _cpu_seconds()
    try:
        label = engine.label(configuration.positions)
    except ScfFailure as failure:
        reason = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        return Entry(key, None, None, reason, _cpu_seconds() - started)
    seconds = _cpu_seconds() - started
    return Entry(key, label.energy, label.forces, "", seconds, label.start_gap)


def run_queue(
    level: Level,
    queue: Sequence[Configuration],
    journal: LabelJournal,
    *,
    batch: int = 1,
    report: Callable[[Entry], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Entry]:
    """Label what the journal does not hold yet, in the queue's order; yields what this process made.

    Args:
        batch: items claimed and written together; more than one where a label takes milliseconds.
        report: called with every entry.
        stop: asked before each batch.

    Raises:
        LevelError: the level cannot run here.
    """
    for start in range(0, len(queue), batch):
        if stop is not None and stop():
            return
        chunk = queue[start : start + batch]
        done = journal.entries()
        if all(c.config_id in done for c in chunk):
            continue
        with journal.claim(f"{chunk[0].config_id}+{len(chunk)}") as mine:
            if not mine:
                continue
            done = journal.entries()
            made = [label_one(level, c) for c in chunk if c.config_id not in done]
            if made:
                journal.add(*made)
        for entry in made:
            if report is not None:
                report(entry)
            yield entry

