"""Labels what a queue asks for and a level's tables do not hold yet, and adds it to the tables.

Finished labels lie in a journal whatever happens; every so many become one more part of the tables, so that
a run of days can be committed while it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mfbench.data.configuration import Configuration
from mfbench.data.label_table import read_labels
from mfbench.data.levels import read_level
from mfbench.work.executor import Executor
from mfbench.work.journal import open_journal
from mfbench_tasks.labelling.collect import collect
from mfbench_tasks.labelling.entry import SUFFIX, Entry, decode_entry, encode_entry
from mfbench_tasks.labelling.label_file import label_by_name, structures_digest
from mfbench_tasks.labelling.label_gates import refusal
from mfbench_tasks.labelling.level import Level
from mfbench_tasks.labelling.run_queue import level_request

__all__ = ["QueueRun", "label_queue"]

PART = 100
"""Labels after which the tables get one more part."""


@dataclass(frozen=True)
class QueueRun:
    """What a run did: configurations in the queue, found done, labelled now; refused of these."""

    queued: int
    before: int
    made: int
    failed: int

    @property
    def left(self) -> int:
        """Configurations that the queue still asks for."""
        return self.queued - self.before - self.made


def label_queue(
    level: Level,
    queue: Sequence[Configuration],
    folder: Path,
    journal: Path,
    *,
    executor: Executor,
    limit: int | None = None,
    part: int = PART,
    begin: Callable[[int, int], None] = lambda total, done: None,
    tick: Callable[[Entry], None] = lambda entry: None,
) -> QueueRun:
    """Label in the queue's order; whatever ends the run, the tables then hold all that was finished.

    Args:
        level: what is computed.
        queue: all of it; it names the work, so the same queue goes on where it stopped.
        folder: of the level's tables, e.g. ``tasks/data/labels/wb97x-d``.
        journal: folder of finished labels.
        executor: open.
        limit: label at most so many now.
        part: labels after which the tables get one more part.
        begin: called once with (queued, done before).
        tick: called with every new entry.

    Raises:
        LevelError: the level cannot run here.
        WorkError: the journal is of another queue or level, or another process is at it.
    """
    request = level_request(level, structures_digest(queue))
    with open_journal(journal, request, resume=True, suffix=SUFFIX) as kept:
        entries = kept.read(decode_entry)
        done = _tabled(folder) | entries.keys()
        todo = [c for c in queue if c.config_id not in done][:limit]
        begin(len(queue), sum(c.config_id in done for c in queue))
        made: list[Entry] = []
        try:
            for _, entry in executor.run(partial(label_by_name, level.name), todo):
                kept.add(entry.key, encode_entry(entry))
                entries[entry.key] = entry
                made.append(entry)
                tick(entry)
                if len(made) % part == 0:
                    collect(level, entries, queue, folder)
        finally:
            if entries:
                collect(level, entries, queue, folder)
    failed = sum(bool(refusal(e)) for e in made)
    return QueueRun(len(queue), sum(c.config_id in done for c in queue), len(made), failed)


def _tabled(folder: Path) -> set[str]:
    """Configurations that the tables hold, or say why not."""
    if not (folder / "level.json").is_file():
        return set()
    card = read_level(folder)
    return {*card.failed, *(name for part in card.files for name in read_labels(folder / part))}
