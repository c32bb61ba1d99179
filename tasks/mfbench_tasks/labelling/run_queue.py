"""Labels a queue of configurations; several processes may share one queue and one journal."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence

from mfbench.data.configuration import Configuration
from mfbench.work.journal import Journal
from mfbench_tasks.labelling.entry import Entry, encode_entry
from mfbench_tasks.labelling.level import Level, ScfFailure

__all__ = ["label_one", "level_request", "run_queue"]


def level_request(level: Level, inputs: str) -> dict[str, object]:
    """What the labels of a journal depend on: the level with its settings, and a digest of the inputs."""
    return {
        "level": level.name,
        "description": level.description,
        "settings": dict(level.settings),
        "inputs": inputs,
    }


def cpu_seconds() -> float:
    """CPU time of this process and of the programs that it has run."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(found.ru_utime + found.ru_stime for found in spent)


def label_one(level: Level, configuration: Configuration, key: str = "") -> Entry:
    """The label of one configuration, or why there is none: a failure is a row, not an end.

    Raises:
        LevelError: the level cannot run here at all; see ``Level.engine``.
    """
    key = key or configuration.config_id
    engine = level.engine(
        configuration.atomic_numbers, configuration.total_charge, configuration.n_unpaired
    )
    started = cpu_seconds()
    try:
        label = engine.label(configuration.positions)
    except ScfFailure as failure:
        reason = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        return Entry(key, None, None, reason, cpu_seconds() - started)
    seconds = cpu_seconds() - started
    return Entry(key, label.energy, label.forces, "", seconds, label.start_gap)


def run_queue(
    level: Level,
    queue: Sequence[Configuration],
    journal: Journal,
    *,
    batch: int = 1,
    report: Callable[[Entry], None] = lambda entry: None,
) -> None:
    """Label what the journal does not hold yet, in the queue's order, where no other process is at it.

    Args:
        journal: open, shared by all processes that work on the queue.
        batch: items claimed together; more than one where a label takes milliseconds.
        report: called with every entry of this process.

    Raises:
        LevelError: the level cannot run here.
    """
    for start in range(0, len(queue), batch):
        chunk = queue[start : start + batch]
        if _finished(journal, chunk):
            continue
        with journal.claim(chunk[0].config_id) as mine:
            if not mine:
                continue
            for c in chunk:
                if not _finished(journal, [c]):  # another process may have just done it
                    entry = label_one(level, c)
                    journal.add(entry.key, encode_entry(entry))
                    report(entry)


def _finished(journal: Journal, configurations: Sequence[Configuration]) -> bool:
    return all(journal.holds(c.config_id) for c in configurations)
