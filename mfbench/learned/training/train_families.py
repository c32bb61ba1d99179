"""The families that a run trains on: those of its split, or fewer of them, or others besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mfbench.data.split import Fold, Split, Task
from mfbench.errors import TrainingError
from mfbench.learned.training.settings import TrainSettings

__all__ = ["meta_train_of"]

_ROLES = ("support", "query", "heldout")


def meta_train_of(split: Split, settings: TrainSettings, load: Callable[[str], Split]) -> Split:
    """The split with the train families that ``settings`` asks for; validation and test families stay.

    Args:
        split: that the run is for.
        settings: ``also``, ``families`` and ``configurations`` count.
        load: name → split, for those that ``also`` names.

    Raises:
        TrainingError: the split has fewer train families than asked for.
        UnknownNameError, DataError: a split of ``also`` cannot be loaded.
    """
    for name in filter(None, settings.also.split("+")):
        split = _with_families_of(split, load(name))
    train = split.train
    if settings.families > len(train):
        raise TrainingError(f"families is {settings.families}, {split.name} has {len(train)} to train on")
    if not settings.families and not settings.configurations:
        return split
    # Nested: the first n of one order.
    order = np.random.default_rng([settings.seed, 5]).permutation(len(train))
    kept = {train[i].family_id for i in order[: settings.families or None]}
    tasks = [
        _fewer(task, settings) if task.fold == Fold.TRAIN else task
        for task in split.tasks
        if task.fold != Fold.TRAIN or task.family_id in kept
    ]
    return replace(split, tasks=tuple(tasks))


def _with_families_of(split: Split, other: Split) -> Split:
    """Train families of ``other`` too, less what overlaps with the validation and test families, and less
    fragments that are trained on already."""
    kept_apart = (*split.validation, *split.test)
    names = {t.family_id for t in kept_apart}
    clusters = {cluster for t in kept_apart for cluster in t.clusters}
    fragments = {fragment for t in split.tasks for fragment in t.graphs}
    added = []
    for task in other.train:
        if task.family_id in names or clusters & set(task.clusters):
            continue
        parts: dict[str, Any] = {
            role: tuple(c for c in getattr(task, role) if c.fragment_id not in fragments) for role in _ROLES
        }
        if all(parts.values()):
            name = f"{other.name}:{task.family_id}"
            added.append(replace(task, **parts, family_id=name, larger=(), draws=_NO_DRAWS))
    return replace(split, tasks=(*split.tasks, *added))


def _fewer(task: Task, settings: TrainSettings) -> Task:
    """Every role keeps its share of the configurations, and at least one."""
    total = sum(len(getattr(task, role)) for role in _ROLES)
    if not settings.configurations or settings.configurations >= total:
        return task
    share = settings.configurations / total
    rng = np.random.default_rng([settings.seed, 6])
    parts: dict[str, Any] = {}
    for role in _ROLES:
        held = getattr(task, role)
        chosen = rng.permutation(len(held))[: max(round(share * len(held)), 1)]
        parts[role] = tuple(held[i] for i in sorted(chosen))
    return replace(task, **parts, larger=(), draws=_NO_DRAWS)


# Published draws are indices into the whole pool; training does not use them.
_NO_DRAWS = np.zeros((0, 0), int)
