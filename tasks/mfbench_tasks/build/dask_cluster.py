"""A Dask cluster behind the interface of the process pool, for builds that outgrow one machine.

The scheduler gives a dead worker's slots to another one; nothing that came back is lost. Workers are
started by whoever runs the cluster, one thread each: ``dask worker ADDRESS --nthreads 1 --nworkers N``.
They need mfbench of the same version, and the folder of structures under the same path.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager

from mfbench.errors import MfbenchError
from mfbench_tasks.build.build import THREADS

__all__ = ["ClusterError", "dask_executor"]

_PATIENCE_S = 10
"""For the scheduler to answer, and for a first worker to be there."""


class ClusterError(MfbenchError):
    """The cluster cannot be used, or was lost: what is finished is in the journal."""


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """An executor over the workers of a Dask scheduler, those that join later too.

    Args:
        address: e.g. ``tcp://host:8786``.

    Raises:
        ClusterError: dask is not installed, nobody answers, there is no worker, a worker has several
            threads or another version of mfbench; or, from the block, the cluster was lost.
    """
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"--scheduler needs the module '{error.name}' (pip install 'mfbench[dask]')"
        ) from None
    try:
        client = Client(address, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address} ({error})") from None
    with client:
        _prepare(client, address)
        try:
            yield client.get_executor(pure=False)
        except KilledWorker as error:
            raise ClusterError(
                f"workers died again and again over one slot ({str(error).split('.')[0]}): out of memory? "
                "Continue with --resume"
            ) from None
        except CancelledError:
            raise ClusterError(f"the scheduler at {address} was lost: continue with --resume") from None


def _prepare(client, address: str) -> None:
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
    mine = _version()
    try:
        versions = client.run(_version)
    except ImportError as error:
        raise ClusterError(f"a worker cannot import mfbench ({error}): install it there") from None
    for worker, version in versions.items():
        if version != mine:
            raise ClusterError(f"worker {worker} has mfbench {version}, here it is {mine}")


def _lean_plugin():
    """Workers compute with one thread, and do not watch themselves."""
    from distributed.diagnostics.plugin import WorkerPlugin

    # A local class travels by value: a worker that joins reads it before it imports NumPy or tblite.
    class Lean(WorkerPlugin):
        name = "mfbench-lean"

        def setup(self, worker) -> None:
            os.environ.update(dict.fromkeys(THREADS, "1"))
            # Dask's profiler (100 times a second) and ticks (50) take 2-3 % of a worker's core.
            for watch in ("profile", "profile-cycle", "tick", "ticks"):
                if (callback := worker.periodic_callbacks.pop(watch, None)) is not None:
                    callback.stop()

    return Lean()


def _version() -> str:
    import mfbench

    return mfbench.__version__
