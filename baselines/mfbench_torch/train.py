"""``mfbench train`` with PyTorch."""

from __future__ import annotations

from functools import partial

from mfbench.learned import train as shared
from mfbench.learned.training.prepare import withheld_families
from mfbench_torch.engine import ENGINE

__all__ = ["train", "train_by_name", "withheld_families"]

train = partial(shared.train, ENGINE)
train_by_name = partial(shared.train_by_name, ENGINE)
