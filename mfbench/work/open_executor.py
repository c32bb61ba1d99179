"""The executor that a command's ``--workers`` and ``--scheduler`` ask for."""

from __future__ import annotations

from mfbench.errors import ProtocolError
from mfbench.work.dask_cluster import DaskCluster
from mfbench.work.executor import Executor, Here, Processes, Setup

__all__ = ["open_executor"]


def open_executor(
    workers: int = 1,
    scheduler: str | None = None,
    *,
    setup: Setup | None = None,
    here: bool = True,
) -> Executor:
    """An executor, to be used as a context manager.

    Args:
        workers: processes of this machine.
        scheduler: address of a Dask scheduler, e.g. ``tcp://host:8786``: its workers instead.
        setup: see ``Setup``.
        here: whether one worker is this process; a process of its own has one thread for certain.

    Raises:
        ProtocolError: less than one worker.
        ClusterError: the cluster cannot be used.
    """
    if workers < 1:
        raise ProtocolError(f"--workers takes a number of processes, not {workers}")
    if scheduler:
        return DaskCluster(scheduler, setup)
    return Here(setup) if workers == 1 and here else Processes(workers, setup)
