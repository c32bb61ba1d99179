"""Replay: half of every step's batch is of other molecules, so that fine-tuning forgets less.

They come from meta-train, with its labels (``train``: mostly a cheap level of theory), or with the model's
own predictions before it is tuned (``self``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import MfbenchError, ProtocolError, UnknownNameError
from mfbench.learned.training.sampling_order import adaptation_batches
from mfbench_torch.data import Batch, Dataset
from mfbench_torch.foreign.model import ForeignNetwork
from mfbench_torch.foreign.zero import Zero

__all__ = ["SOURCES", "Mixed", "half_of", "replayed"]

SOURCES = ("train", "self")


@dataclass(frozen=True, eq=False)
class Mixed:
    """A support set, and what is replayed beside it.

    Attributes:
        own: the support.
        other: what is replayed, and [steps, n] indices into it; None: nothing.
    """

    own: Dataset
    other: tuple[Dataset, np.ndarray] | None = None

    @classmethod
    def of(cls, own: Dataset, other: Dataset, steps: int, size: int, seed: int) -> Mixed:
        """With as many of ``other`` in every step as there are of the support."""
        return cls(own, (other, adaptation_batches(len(other), steps, min(len(own), size), seed + 1)))

    def rows(self, rows: np.ndarray, first: int) -> np.ndarray:
        """[n, m] or [n, 2 m] indices of the steps from ``first`` on: of the support, then of the other."""
        if self.other is None:
            return rows
        again = self.other[1][first : first + len(rows), : rows.shape[1]]
        return np.concatenate([rows, len(self.own) + again], axis=1)

    def batch(self, row: np.ndarray) -> tuple[Batch, ...]:
        """The parts of a batch."""
        inside = row < len(self.own)
        parts = (self.own.batch(row[inside]),)
        if self.other is None or inside.all():
            return parts
        return (*parts, self.other[0].batch(row[~inside] - len(self.own)))


def half_of(batch: int) -> int:
    """Configurations of the support per step.

    Raises:
        ProtocolError: a batch of one has no half.
    """
    if batch < 2:
        raise ProtocolError("strategy replay needs batches of two configurations or more")
    return batch // 2


def replayed(source: Any, network: ForeignNetwork, zero: Zero) -> Sequence[Configuration]:
    """Labelled configurations of meta-train to replay.

    Raises:
        UnknownNameError: there is no such source.
        MfbenchError: meta-train has nothing that the model can do.
    """
    if source not in SOURCES:
        raise UnknownNameError(f"unknown replay_from '{source}': choose one of {', '.join(SOURCES)}")
    if not zero.sample:
        raise MfbenchError("strategy replay: the split has no train families to replay, choose another")
    if source == "train":
        return zero.sample
    energies, forces = network(zero.sample)
    energies = energies + zero.baseline.energies(zero.sample)
    return [c.with_label(float(e), f) for c, e, f in zip(zero.sample, energies, forces, strict=True)]
