"""Which configurations are seen in which order: drawn here with NumPy, so that every backend sees the same.

Every draw depends on (seed, step) only, never on what was drawn before: a resumed run needs no state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["JointOrder", "MetaEpisode", "adaptation_batches", "joint_batch", "meta_batch"]


@dataclass(frozen=True, eq=False)
class MetaEpisode:
    """One task of a meta-training step.

    Attributes:
        task: index of the family.
        support: [k] indices into the family's support pool.
        batches: [inner_steps, batch] positions within ``support``, one row per inner step.
        query: [q] indices into the family's query configurations.
    """

    task: int
    support: np.ndarray
    batches: np.ndarray
    query: np.ndarray


def joint_batch(classes: np.ndarray, size: int, seed: int, step: int) -> np.ndarray:
    """[size] indices of one size class: shuffled epochs without replacement.

    Batches of like sizes waste little padding. Each class gives as many batches per epoch as it fills,
    and their order is shuffled, so every configuration is met equally often (those that fill no last
    batch change from epoch to epoch).

    Args:
        classes: [n] class of every configuration; all zero for no classes.
        size, seed, step: of the batch.
    """
    return JointOrder(classes, size, seed).batch(step)


@dataclass(eq=False)
class JointOrder:
    """The batches of ``joint_batch``, one after another: an epoch is shuffled once, not at every step."""

    classes: np.ndarray
    size: int
    seed: int
    _epoch: tuple[int, np.ndarray] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the members of each class, once."""
        self._members = [np.flatnonzero(self.classes == name) for name in np.unique(self.classes)]
        self._counts = [len(m) // self.size for m in self._members]

    def batch(self, step: int) -> np.ndarray:
        """[size] indices of the batch of this step, which depends on nothing that was asked before."""
        epoch, position = divmod(step, sum(self._counts))
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._shuffled(epoch)
        batch: np.ndarray = self._epoch[1][position]
        return batch

    def _shuffled(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, 0, epoch])
        batches = [
            rng.permutation(m)[: n * self.size].reshape(n, self.size)
            for m, n in zip(self._members, self._counts, strict=True)
        ]
        together = np.concatenate(batches)
        return rng.permutation(together) if len(self._members) > 1 else together


def meta_batch(
    pools: Sequence[tuple[int, int]],
    *,
    tasks: int,
    k: int,
    inner_steps: int,
    inner_batch: int,
    query: int,
    seed: int,
    step: int,
) -> list[MetaEpisode]:
    """The episodes of one meta-training step.

    Args:
        pools: (number of support configurations, number of query configurations) per family.
        tasks: families per step, without replacement while there are enough.
        k: size of the support set.
        inner_steps, inner_batch: inner loop.
        query: query configurations per task.
        seed, step: what the draw depends on.
    """
    rng = np.random.default_rng([seed, 1, step])
    chosen = rng.choice(len(pools), size=tasks, replace=tasks > len(pools))
    episodes = []
    for task in chosen:
        n_support, n_query = pools[task]
        episodes.append(
            MetaEpisode(
                task=int(task),
                support=rng.choice(n_support, size=k, replace=False),
                batches=adaptation_batches(k, inner_steps, inner_batch, int(rng.integers(2**31))),
                query=rng.choice(n_query, size=query, replace=False),
            )
        )
    return episodes


def adaptation_batches(k: int, steps: int, size: int, seed: int) -> np.ndarray:
    """[steps, min(k, size)] indices into a support set of k: consecutive slices of shuffled epochs."""
    size = min(k, size)
    rng = np.random.default_rng([seed, 2])
    epochs = [rng.permutation(k) for _ in range(-(-steps * size // max(k, 1)))]
    return np.concatenate(epochs)[: steps * size].reshape(steps, size)
