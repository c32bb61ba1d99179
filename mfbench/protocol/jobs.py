"""One episode as a unit of work: where it is drawn from, and the method that runs it in any process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mfbench.data.split import Split
from mfbench.protocol.episode import Episode, draw_episode
from mfbench.protocol.method import Method
from mfbench.protocol.protocol import Budget
from mfbench.protocol.run_episode import EpisodeRecord, run_episode

__all__ = ["Bench", "Job", "bench", "card_of", "draw", "run_job"]


class Job(NamedTuple):
    """One episode to run: its place in the run, where it is drawn from, and whether to check the batch."""

    index: int  # type: ignore[assignment]
    family_id: str
    k: int
    draw: int
    support_family: str
    reference_labels: bool
    check_batch: bool


def draw(split: Split, job: Job) -> Episode:
    """The episode of a job."""
    tasks = {task.family_id: task for task in split.tasks}
    return draw_episode(
        split,
        tasks[job.family_id],
        job.k,
        job.draw,
        support_of=tasks[job.support_family],
        reference_labels=job.reference_labels,
    )


@dataclass(frozen=True, eq=False)
class Bench:
    """What every job of a run needs; made once per process.

    Attributes:
        method: the learner.
        split: that the jobs are drawn from.
        budget, seed: of the run.
    """

    method: Method
    split: Split
    budget: Budget
    seed: int


def bench(make_method: Callable[[], Method], split: Split, budget: Budget, seed: int) -> Bench:
    """Make the method. Raises what making it raises."""
    return Bench(make_method(), split, budget, seed)


def run_job(bench: Bench, job: Job) -> EpisodeRecord:
    """The record of a job's episode."""
    return run_episode(
        bench.method,
        draw(bench.split, job),
        budget=bench.budget,
        seed=bench.seed,
        check_batch=job.check_batch,
    )


def card_of(bench: Bench) -> dict[str, Any] | None:
    """What the method says about itself."""
    return getattr(bench.method, "card", None)
