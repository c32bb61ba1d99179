"""A Dask cluster as executor, for work that outgrows one machine.

The scheduler gives a dead worker's units to another one; nothing that came back is lost. Workers are
started by whoever runs the cluster, one thread each: ``dask worker ADDRESS --nthreads 1 --nworkers N``.
They need mfbench of the same version, and every file that a unit names under the same path.
"""

from __future__ import annotations

import os
import pickle
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any

from mfbench.errors import MfbenchError
from mfbench.work.executor import ONE_THREAD, Futures, Setup, State
from mfbench.work.version import __version__

__all__ = ["ClusterError", "DaskCluster"]

_PATIENCE_S = 10
"""For the scheduler to answer, and for a first worker to be there."""


class ClusterError(MfbenchError):
    """The cluster cannot be used, or was lost: what is finished is in the journal."""


class DaskCluster(Futures):
    """Runs units on the workers of a Dask scheduler, those that join later too.

    Args:
        address: e.g. ``tcp://host:8786``.
        setup: see ``Setup``.

    Raises:
        ClusterError: on entering: dask is not installed, nobody answers, there is no worker, a worker has
            several threads or another version of mfbench; later: the cluster was lost.
    """

    def __init__(self, address: str, setup: Setup | None = None):
        self._address, self._setup = address, setup

    def __enter__(self) -> DaskCluster:
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise ClusterError(
                f"--scheduler needs the module '{error.name}' (pip install 'mfbench[dask]')"
            ) from None
        try:
            self._client = Client(self._address, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(f"no Dask scheduler answers at {self._address} ({error})") from None
        try:
            _prepare(self._client, self._address)
            self._executor = self._client.get_executor(pure=False)
            self._shared = self._share()
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._client.close()

    @property
    def _at_once(self) -> int:
        return max(64, 2 * len(self._client.nthreads()))

    def _share(self) -> Any:
        """The setup on the cluster: a task, so that the scheduler can make it again on another worker."""
        if self._setup is None:
            return None
        return self._client.submit(_state, secrets.token_hex(8), pickle.dumps(self._setup), pure=False)

    def _submit(self, calls: Sequence[tuple[Any, ...]]) -> list[Future[Any]]:
        if self._shared is None:
            return [self._executor.submit(*call) for call in calls]
        return [self._executor.submit(_with_state, self._shared, *call) for call in calls]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from distributed.scheduler import KilledWorker

        try:
            yield
        except KilledWorker as error:
            raise ClusterError(
                f"workers died again and again over one unit ({str(error).split('.')[0]}): out of memory? "
                "Continue with --resume"
            ) from None
        except CancelledError:
            raise ClusterError(
                f"the scheduler at {self._address} was lost: continue with --resume"
            ) from None


class _Shared:
    """A setup and what it made in this process; a copy on another worker makes it anew."""

    def __init__(self, token: str, setup: bytes):
        self.token, self.setup = token, setup


_states: dict[str, State] = {}


def _state(token: str, setup: bytes) -> _Shared:
    return _Shared(token, setup)


def _with_state(shared: _Shared, function: Callable[..., Any], *arguments: Any) -> Any:
    if shared.token not in _states:
        _states.clear()  # of earlier work: a worker outlives many runs
        _states[shared.token] = State(pickle.loads(shared.setup))
    return _states[shared.token].call(function, *arguments)


def _prepare(client: Any, address: str) -> None:
    """Check the workers that are there, and see to it that each one computes with one thread."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_S)
    except TimeoutError:
        raise ClusterError(
            f"the scheduler at {address} has no worker: dask worker {address} --nthreads 1 --nworkers N"
        ) from None
    for worker, threads in client.nthreads().items():
        if threads != 1:
            raise ClusterError(
                f"worker {worker} runs {threads} threads, slower than one: start it with --nthreads 1"
            )
    client.register_plugin(_lean_plugin())
    try:
        versions = client.run(_version)
    except ImportError as error:
        raise ClusterError(f"a worker cannot import mfbench ({error}): install it there") from None
    for worker, version in versions.items():
        if version != __version__:
            raise ClusterError(f"worker {worker} has mfbench {version}, here it is {__version__}")


def _lean_plugin() -> Any:
    """Workers compute with one thread, and do not watch themselves."""
    from distributed.diagnostics.plugin import WorkerPlugin

    one_thread = dict(ONE_THREAD)

    # A local class travels by value: a worker that joins reads it before it imports NumPy or tblite.
    class Lean(WorkerPlugin):
        name = "mfbench-lean"

        def setup(self, worker: Any) -> None:
            os.environ.update(one_thread)
            # Dask's profiler (100 times a second) and ticks (50) take 2-3 % of a worker's core.
            for watch in ("profile", "profile-cycle", "tick", "ticks"):
                if (callback := worker.periodic_callbacks.pop(watch, None)) is not None:
                    callback.stop()

    return Lean()


def _version() -> str:
    from mfbench.work.version import __version__

    return __version__
