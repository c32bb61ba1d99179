"""One episode as a unit of work: where it is drawn from, and the method that runs it in any process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mfbench.data.split import Split
from mfbench.errors import ProtocolError
from mfbench.protocol.episode import check_rows, draw_episode
from mfbench.protocol.method import Method
from mfbench.protocol.protocol import Protocol, Selector
from mfbench.protocol.run_episode import EpisodeRecord, Probe, episode_seed, one_line, run_episode
from mfbench.protocol.selection import select_support

__all__ = ["Bench", "Job", "bench", "card_of", "run_job"]


class Job(NamedTuple):
    """One episode to run: its place in the run, where it is drawn from, and whether to check the batch."""

    index: int  # type: ignore[assignment]
    family_id: str
    k: int
    draw: int
    support_family: str
    reference_labels: bool
    check_batch: bool


@dataclass(frozen=True, eq=False)
class Bench:
    """What every job of a run needs; made once per process.

    Attributes:
        method: the learner.
        split: that the jobs are drawn from.
        protocol, seed: of the run.
        probe: runs dynamics with every adapted model; None: none is run.
    """

    method: Method
    split: Split
    protocol: Protocol
    seed: int
    probe: Probe | None


def bench(
    make_method: Callable[[], Method], split: Split, protocol: Protocol, seed: int, probe: Probe | None
) -> Bench:
    """Make the method.

    Raises:
        ProtocolError: it is to choose its support, and has no ``select``; and what making it raises.
    """
    method = make_method()
    if protocol.selector is Selector.METHOD and not callable(getattr(method, "select", None)):
        raise ProtocolError(
            f"'{method.name}' has no select(pool, k) to choose its support with: take another selector"
        )
    return Bench(method, split, protocol, seed, probe)


def run_job(bench: Bench, job: Job) -> EpisodeRecord:
    """The record of a job's episode, with the support that was selected where one was."""
    tasks = {task.family_id: task for task in bench.split.tasks}
    source, budget, rows = tasks[job.support_family], bench.protocol.budget, None
    key = job.family_id, job.k, job.draw
    if bench.protocol.selector is not Selector.RANDOM and job.k:
        pool = source.reference if job.reference_labels else source.support
        asked = bench.method, pool, job.k, source.draws[job.draw].tolist()
        try:
            rows = select_support(
                bench.protocol.selector, *asked, budget=budget, seed=episode_seed(bench.seed, *key)
            )
            check_rows(rows, job.k, len(pool))
        # A method's own mistake is its failed row, as in adapting.
        except (Exception, SystemExit) as error:
            stable = 0.0 if bench.probe else None
            return EpisodeRecord(*key, failure=one_line("select", error), stable_share=stable)
    task = tasks[job.family_id]
    from_where: dict[str, Any] = {"support_of": source, "reference_labels": job.reference_labels}
    episode = draw_episode(bench.split, task, job.k, job.draw, **from_where, rows=rows)
    record = run_episode(
        bench.method,
        episode,
        budget=budget,
        seed=bench.seed,
        check_batch=job.check_batch,
        probe=bench.probe,
    )
    return record if rows is None else replace(record, selected=rows)


def card_of(bench: Bench) -> dict[str, Any] | None:
    """What the method says about itself."""
    return getattr(bench.method, "card", None)
