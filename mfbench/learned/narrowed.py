"""A narrower meta-distribution: fewer train families, or fewer configurations of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mfbench.errors import TrainingError
from mfbench.learned.settings import TrainSettings
from mfbench.split import Fold, Split, Task

__all__ = ["narrowed"]

_ROLES = ("support", "query", "heldout")


def narrowed(split: Split, settings: TrainSettings) -> Split:
    """The split with ``settings.families`` train families of ``settings.configurations`` each (0: all).

    Families and configurations are drawn with the run's seed, nested: the first n of one order. Every role
    of a family keeps its share, and at least one configuration. Validation and test families stay.

    Raises:
        TrainingError: the split has fewer train families.
    """
    train = split.train
    if settings.families > len(train):
        raise TrainingError(f"families is {settings.families}, {split.name} has {len(train)} to train on")
    if not settings.families and not settings.configurations:
        return split
    order = np.random.default_rng([settings.seed, 5]).permutation(len(train))
    kept = {train[i].family_id for i in order[: settings.families or None]}
    tasks = [
        _fewer(task, settings) if task.fold == Fold.TRAIN else task
        for task in split.tasks
        if task.fold != Fold.TRAIN or task.family_id in kept
    ]
    return replace(split, tasks=tuple(tasks))


def _fewer(task: Task, settings: TrainSettings) -> Task:
    total = sum(len(getattr(task, role)) for role in _ROLES)
    if not settings.configurations or settings.configurations >= total:
        return task
    share = settings.configurations / total
    rng = np.random.default_rng([settings.seed, 6])
    parts = {}
    for role in _ROLES:
        held = getattr(task, role)
        chosen = rng.permutation(len(held))[: max(round(share * len(held)), 1)]
        parts[role] = tuple(held[i] for i in sorted(chosen))
    # Published draws are indices into the whole pool: train families are never drawn from them.
    return replace(task, **parts, larger=(), draws=np.zeros((0, 0), int))
