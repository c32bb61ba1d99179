"""Runs the jobs of a build that its journal does not hold yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from mfbench.work.executor import Executor
from mfbench.work.journal import Journal
from mfbench_tasks.build.job import Job, JobSettings, Outcome
from mfbench_tasks.build.outcome_file import decode, encode

__all__ = ["finished_outcomes", "longest_first", "run_calls", "run_jobs"]

AnyJob = TypeVar("AnyJob", bound=Job)


def finished_outcomes(journal: Journal) -> dict[str, Outcome]:
    """Name of a job → what became of it. A damaged entry counts as unfinished."""
    return {outcome.job: outcome for outcome in journal.read(decode).values()}


def run_jobs(
    jobs: Iterable[Job],
    settings: JobSettings,
    journal: Journal,
    executor: Executor,
    done: dict[str, Outcome],
    tick: Callable[[int], None],
) -> None:
    """Run jobs, long ones first; every outcome is in the journal and in ``done`` when it is counted.

    Args:
        jobs: that are still to be done.
        done: name → outcome, of those that are; added to.
        tick: called with how many are done after each.
    """
    run_calls([(_run, job, settings) for job in longest_first(jobs)], journal, executor, done, tick)


def run_calls(
    calls: Sequence[tuple[Any, ...]],
    journal: Journal,
    executor: Executor,
    done: dict[str, Outcome],
    tick: Callable[[int], None],
) -> None:
    """The same for calls, each a function and its arguments, that return outcomes."""
    for _, outcome in executor.run(_call, calls):
        journal.add(outcome.job, encode(outcome))
        done[outcome.job] = outcome
        tick(len(done))


def longest_first(jobs: Iterable[AnyJob]) -> list[AnyJob]:
    """Jobs in the order in which they should start: what a long one leaves at the end for one worker
    alone is idle time of all others.

    A support fragment takes three times as long as a held-out one, and a label grows with the square of
    atoms.
    """
    return sorted(jobs, key=lambda job: (job.heldout, -job.atoms))


def _call(call: tuple[Any, ...]) -> Outcome:
    function, *arguments = call
    outcome: Outcome = function(*arguments)
    return outcome


def _run(job: Job, settings: JobSettings) -> Outcome:
    return job.run(settings)
