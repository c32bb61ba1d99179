"""Where units of work run: in this process, in processes of this machine, or on a Dask cluster.

Order and place never change a number. What a unit does wrong is the business of its function, which returns
a failure as data; what it raises ends the work.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any

from mfbench.errors import MfbenchError

__all__ = [
    "ONE_THREAD",
    "Executor",
    "Futures",
    "Here",
    "Processes",
    "Setup",
    "State",
    "environment",
]

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
"""Workers that each start a thread per core run ten times slower than workers with one."""

Setup = Callable[[], Any]
"""Makes what every unit needs, once per process; picklable."""


class Executor(ABC):
    """Runs units of work. Functions and units are picklable; with a setup, functions get its result first.

    Use it as a context manager: leaving it with an error does not wait for units in progress.
    """

    @abstractmethod
    def run(self, function: Callable[..., Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (place in ``units``, result) as units finish.

        Raises:
            MfbenchError: a worker died, or the cluster was lost.
            BaseException: what a unit raised; no further unit is begun then.
        """

    @abstractmethod
    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of one call."""

    def map(self, function: Callable[..., Any], units: Sequence[Any]) -> Iterator[Any]:
        """Yield results in the order of ``units``."""
        waiting: dict[int, Any] = {}
        expected = 0
        for place, result in self.run(function, units):
            waiting[place] = result
            while expected in waiting:
                yield waiting.pop(expected)
                expected += 1

    def __enter__(self) -> Executor:
        return self

    @abstractmethod
    def __exit__(self, kind: object, *_: object) -> None:
        """Release what was started."""


class Here(Executor):
    """Runs units one after another in this process."""

    def __init__(self, setup: Setup | None = None):
        self._state = State(setup)

    def run(self, function: Callable[..., Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """See ``Executor``."""
        for place, unit in enumerate(units):
            yield place, self._state.call(function, unit)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """See ``Executor``."""
        return self._state.call(function, *arguments)

    def __exit__(self, kind: object, *_: object) -> None:
        """Nothing to release."""


class Futures(Executor):
    """What executors with futures share: a few units per worker are on their way at a time."""

    @property
    @abstractmethod
    def _at_once(self) -> int:
        """How many units to submit before the first is done."""

    @abstractmethod
    def _submit(self, calls: Sequence[tuple[Any, ...]]) -> list[Future[Any]]:
        """A future for each (function, arguments...)."""

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what the machinery raises into an ``MfbenchError``."""
        yield

    def run(self, function: Callable[..., Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """See ``Executor``."""
        waiting = iter(enumerate(units))
        places: dict[Future[Any], int] = {}
        try:
            while True:
                more = list(islice(waiting, max(self._at_once - len(places), 0)))
                with self._translated():
                    submitted = self._submit([(function, unit) for _, unit in more])
                places |= {future: place for future, (place, _) in zip(submitted, more, strict=True)}
                if not places:
                    return
                finished = wait(places, return_when=FIRST_COMPLETED).done
                for future in sorted(finished, key=places.__getitem__):
                    with self._translated():
                        result = future.result()
                    yield places.pop(future), result
        finally:
            for future in places:
                future.cancel()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """See ``Executor``."""
        (future,) = self._submit([(function, *arguments)])
        with self._translated():
            return future.result()


class Processes(Futures):
    """Runs units in processes of this machine, each with one thread.

    Args:
        workers: number of processes.
        setup: see ``Setup``.
    """

    def __init__(self, workers: int, setup: Setup | None = None):
        self._workers, self._setup = workers, setup

    def __enter__(self) -> Processes:
        self._before = set(multiprocessing.active_children())
        self._environment = environment(ONE_THREAD)
        self._environment.__enter__()
        # A forked JAX deadlocks; spawned workers also read the thread limits before their libraries load.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self._workers, context, _start_worker, (self._setup,))
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:  # a unit can last minutes: interrupted work does not wait for it
            for process in set(multiprocessing.active_children()) - self._before:
                process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._environment.__exit__(None, None, None)

    @property
    def _at_once(self) -> int:
        return 2 * self._workers

    def _submit(self, calls: Sequence[tuple[Any, ...]]) -> list[Future[Any]]:
        # Submitting starts processes, and they inherit what is blocked: a Ctrl-C in the terminal reaches
        # the whole process group, but only the parent acts on it.
        with _interrupt_blocked():
            return [self._pool.submit(_in_worker, *call) for call in calls]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool:
            raise MfbenchError(
                "a worker process died (out of memory, or a script without "
                'if __name__ == "__main__"): continue with --resume and fewer --workers'
            ) from None


class State:
    """What a setup makes, on the first call: an error in it reaches the caller as itself."""

    def __init__(self, setup: Setup | None):
        self._setup, self._made, self._value = setup, False, None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function`` of it and of the arguments; of the arguments alone without a setup."""
        if self._setup is None:
            return function(*arguments)
        if not self._made:
            self._value, self._made = self._setup(), True
        return function(self._value, *arguments)


_worker: list[State] = []


def _start_worker(setup: Setup | None) -> None:
    _worker[:] = [State(setup)]
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _in_worker(function: Callable[..., Any], *arguments: Any) -> Any:
    return _worker[0].call(function, *arguments)


def _exit_with_parent() -> None:
    """A worker waits for its queue for ever when the parent is killed: leave with it instead."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


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
def environment(values: dict[str, str]) -> Iterator[None]:
    """These environment variables, for the time of the block."""
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
