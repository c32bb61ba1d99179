"""Joint training with some weights of each group of tasks' own: a readout per level, a context per level.

A group is a level of theory, or a family where tasks have no levels. While they are trained, such weights
lie in one array [groups, ...] under ``each/NAME``; a batch is of one group and sees its entry.

``multihead``: the readouts are each group's own. ``cavia``: each group has a context vector, and a plane of
weights belongs to it (``mfbench.learned.architectures.composed``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfbench.data.task import Task
from mfbench.errors import TrainingError
from mfbench.learned.adaptation.moving_weights import moving_names
from mfbench.learned.architectures.composed import CONTEXT, context_plane
from mfbench.learned.training.settings import TrainSettings

__all__ = ["GROUPED", "group_names", "group_numbers", "of_group", "per_group_end", "per_group_start"]

GROUPED = ("multihead", "cavia")
"""Methods with weights of each group's own."""
_EACH = "each/"


def group_names(tasks: Sequence[Task]) -> list[str]:
    """Levels of theory, or families where tasks have no levels; sorted."""
    return sorted({task.level or task.family_id for task in tasks})


def group_numbers(tasks: Sequence[Task], settings: TrainSettings) -> np.ndarray | None:
    """[n] group of every support, query and held-out configuration of ``tasks``, one task after another.

    None: the method has no weights per group.

    Raises:
        TrainingError: a group has fewer configurations than a batch.
    """
    if settings.method not in GROUPED:
        return None
    names = group_names(tasks)
    sizes = [len(t.support) + len(t.query) + len(t.heldout) for t in tasks]
    numbers = np.repeat([names.index(task.level or task.family_id) for task in tasks], sizes)
    counts = np.bincount(numbers, minlength=len(names))
    if counts.min() < settings.joint_batch:
        raise TrainingError(
            f"'{names[counts.argmin()]}' has {counts.min()} configurations to train on, joint_batch is "
            f"{settings.joint_batch}: lower it"
        )
    return numbers


def per_group_start(params: Mapping[str, Any], groups: int, settings: TrainSettings) -> dict[str, Any]:
    """What is trained, in NumPy: every group begins with the same readout, or with a random context."""
    arrays = {name: np.asarray(value) for name, value in params.items()}
    if settings.method == "multihead":
        own = moving_names(arrays, "head")
        stacks = {_EACH + name: np.repeat(arrays.pop(name)[None], groups, 0) for name in own}
        return {**arrays, **stacks}
    rng = np.random.default_rng([settings.seed, 8])
    contexts = rng.standard_normal((groups, settings.context_size)).astype(np.float32)
    return {**arrays, **context_plane(arrays, settings.context_size), _EACH + CONTEXT: contexts}


def of_group(params: Mapping[str, Any], number: Any) -> dict[str, Any]:
    """The weights of one group. ``number`` may be traced."""
    own = {k.removeprefix(_EACH): v[number] for k, v in params.items() if k.startswith(_EACH)}
    return {k: v for k, v in params.items() if not k.startswith(_EACH)} | own


def per_group_end(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights with the mean over groups, and the arrays [groups, ...] by the name of the weight."""
    each = {k.removeprefix(_EACH): v for k, v in params.items() if k.startswith(_EACH)}
    shared = {k: v for k, v in params.items() if not k.startswith(_EACH)}
    return shared | {k: v.mean(0) for k, v in each.items()}, each
