"""``mfbench train``: PyTorch's engine for the run that all backends share."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from mfbench.data.split import Split
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.training import train as shared
from mfbench.learned.training.prepare import withheld_families
from mfbench.learned.training.settings import settings_from
from mfbench.learned.training.train import Engine, Tick
from mfbench_torch.checkpoint import load_checkpoint, tensors
from mfbench_torch.meta.steps import joint_gradient, meta_gradient
from mfbench_torch.models.architecture import init
from mfbench_torch.processes import folder_of_process, join, rank
from mfbench_torch.training import run_phase
from mfbench_torch.validation import validator

__all__ = ["train", "train_by_name", "withheld_families"]

ENGINE = Engine(
    backend="torch",
    init=init,
    arrays=tensors,
    joint_gradient=joint_gradient,
    meta_gradient=meta_gradient,
    validator=validator,
    run_phase=run_phase,
)
train = partial(shared.train, ENGINE)
"""(split, settings, folder, *, initial, stop_after, tick) → Checkpoint: see
``mfbench.learned.training.train``."""


def train_by_name(
    split: Split,
    method: str,
    arch: str,
    seed: int,
    options: dict[str, Any],
    folder: Path,
    *,
    init: Path | None,
    stop_after: int | None,
    tick: Tick,
) -> Checkpoint:
    """``train`` as the command line asks for it: settings by name, the joint phase by its path.

    Raises:
        UnknownNameError: the method or an option does not exist.
        CheckpointError: ``init`` is missing or damaged.
    """
    settings = settings_from(method, arch, seed, options)
    initial = load_checkpoint(init) if init else None
    join()
    folder = folder_of_process(folder)
    return train(
        split,
        settings,
        folder,
        initial=initial,
        stop_after=stop_after,
        tick=tick if rank() == 0 else lambda *_: None,
    )
