"""Runs episodes, here or in worker processes. The numbers do not depend on which, nor on the order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, NamedTuple

from mfbench.data.split import Split
from mfbench.errors import MfbenchError
from mfbench.protocol.episode import Episode, draw_episode
from mfbench.protocol.method import Method
from mfbench.protocol.protocol import Budget
from mfbench.protocol.run_episode import EpisodeRecord, run_episode

__all__ = ["Here", "Job", "Workers", "draw"]

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
"""Workers that each start a thread per core run ten times slower than workers with one."""


class Job(NamedTuple):
    """One episode to run: its place in the run, where it is drawn from, and whether to check the batch."""

    index: int
    family_id: str
    k: int
    draw: int
    support_family: str
    check_batch: bool


def draw(split: Split, job: Job) -> Episode:
    """The episode of a job."""
    tasks = {task.family_id: task for task in split.tasks}
    return draw_episode(split, tasks[job.family_id], job.k, job.draw, support_of=tasks[job.support_family])


class Here:
    """Runs jobs one after another in this process."""

    def __init__(self, method: Method, split: Split, budget: Budget, seed: int):
        self._method, self._split, self._budget, self._seed = method, split, budget, seed

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def card(self) -> dict[str, Any] | None:
        """What the method says about itself."""
        return getattr(self._method, "card", None)

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[int, EpisodeRecord]]:
        """Yield (index, record) in order."""
        for job in jobs:
            yield (
                job.index,
                run_episode(
                    self._method,
                    draw(self._split, job),
                    budget=self._budget,
                    seed=self._seed,
                    check_batch=job.check_batch,
                ),
            )


class Workers:
    """Runs jobs in processes, each with one thread and its own copy of the method.

    Args:
        make_method: picklable; called once in every worker.
        split, budget, seed: as in ``Here``.
        n: number of processes.
    """

    def __init__(self, make_method: Callable[[], Method], split: Split, budget: Budget, seed: int, n: int):
        self._arguments, self._n = (make_method, split, budget, seed), n

    def __enter__(self) -> Workers:
        self._before = set(multiprocessing.active_children())
        self._environment = _environment(_ONE_THREAD)
        self._environment.__enter__()
        # A forked JAX deadlocks; spawned workers also read the thread limits before their libraries load.
        self._pool = ProcessPoolExecutor(
            self._n, multiprocessing.get_context("spawn"), _start_worker, self._arguments
        )
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:  # an episode can last minutes: an interrupted run does not wait for it
            for process in set(multiprocessing.active_children()) - self._before:
                process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._environment.__exit__(None, None, None)

    def card(self) -> dict[str, Any] | None:
        """What the method says about itself. Raises what making the method raises."""
        return self._result(*self._submit([(_card,)]))

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[int, EpisodeRecord]]:
        """Yield (index, record) as they finish."""
        for future in as_completed(self._submit([(_run, job) for job in jobs])):
            yield self._result(future)

    def _submit(self, calls: Sequence[tuple]) -> list[Future]:
        # Submitting starts processes, and they inherit what is blocked: a Ctrl-C in the terminal reaches
        # the whole process group, but only the parent acts on it.
        with _interrupt_blocked():
            return [self._pool.submit(*call) for call in calls]

    @staticmethod
    def _result(future: Future) -> Any:
        try:
            return future.result()
        except BrokenProcessPool:
            raise MfbenchError(
                "a worker process died (out of memory, or a script without "
                'if __name__ == "__main__"): continue with --resume and fewer --workers'
            ) from None


_worker: dict[str, Any] = {}


def _start_worker(make_method: Callable[[], Method], split: Split, budget: Budget, seed: int) -> None:
    _worker.update(make=make_method, split=split, budget=budget, seed=seed)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """A worker waits for its queue for ever when the parent is killed: leave with it instead."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _here() -> Here:
    # Made on the first call, not at the start: an error here reaches the parent as itself.
    if "here" not in _worker:
        method = _worker["make"]()
        _worker["here"] = Here(method, _worker["split"], _worker["budget"], _worker["seed"])
    return _worker["here"]


def _card() -> dict[str, Any] | None:
    return _here().card()


def _run(job: Job) -> tuple[int, EpisodeRecord]:
    return next(_here().run([job]))


@contextmanager
def _interrupt_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
