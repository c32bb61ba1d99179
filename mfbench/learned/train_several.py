"""Training runs by name: one, or several seeds at once in processes or on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfbench.data.split import load_split
from mfbench.errors import MfbenchError
from mfbench.learned.train import Tick
from mfbench.protocol.loading import load_trainer
from mfbench.work.open_executor import open_executor
from mfbench.work.progress import progress_bar

__all__ = ["Run", "train_seeds"]


@dataclass(frozen=True)
class Run:
    """What ``mfbench train`` was asked for, of one seed.

    Attributes:
        split: name or folder.
        method, arch, seed, options: see ``mfbench.learned.training.settings``.
        folder: run folder; an interrupted run goes on there.
        init: checkpoint of the joint phase, if it is not trained here.
        stop_after: end every phase after so many steps.
        backend: jax or torch.
    """

    split: str
    method: str
    arch: str
    seed: int
    options: dict[str, Any]
    folder: Path
    init: Path | None
    stop_after: int | None
    backend: str

    def train(self, tick: Tick = lambda phase, step, steps, loss: None) -> None:
        """Train, or go on, in this process.

        Raises:
            MfbenchError: what was asked for cannot be trained.
        """
        load_trainer(self.backend)(
            load_split(self.split),
            self.method,
            self.arch,
            self.seed,
            self.options,
            self.folder,
            init=self.init,
            stop_after=self.stop_after,
            tick=tick,
        )


def train_seeds(runs: Sequence[Run], *, workers: int = 1, scheduler: str | None = None) -> dict[int, str]:
    """Train several runs; one that fails does not end the others.

    Args:
        runs: of different folders.
        workers: processes of one thread each.
        scheduler: address of a Dask scheduler: its workers instead. Folders are on a shared disk then.

    Returns:
        seed → why it failed, in a line.
    """
    failed = {}
    with (
        open_executor(workers, scheduler) as executor,
        progress_bar(len(runs), of="seeds") as advance,
    ):
        for place, reason in executor.run(_train, runs):
            if reason:
                failed[runs[place].seed] = reason
            advance(failed=bool(reason))
    return failed


def _train(run: Run) -> str | None:
    try:
        run.train()
    except (MfbenchError, OSError) as error:
        return " ".join(str(error).split())
    return None
