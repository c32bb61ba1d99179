"""A cheap level of theory that a network stands on (Δ-learning): it learns what the level leaves.

The level is asked again at prediction, so such a method belongs to the track ``open``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.data.split import Split, Task
from mfbench.data.task import ROLES
from mfbench.errors import TrainingError, UnknownNameError

__all__ = ["BaseLevel", "differences"]

_LEVELS = "mfbench_tasks.labelling.registry"


class BaseLevel:
    """Labels of one level on a split's energy scale, each computed once per process.

    Args:
        name: of the level, e.g. ``gfn2``.
        split: labels that its tasks at that level hold are not computed again; its energy shifts put the
            others on the same scale.

    Raises:
        UnknownNameError: no such level, or the task pipeline is not installed.
    """

    def __init__(self, name: str, split: Split):
        try:
            self._level = importlib.import_module(_LEVELS).find_level(name)
        except ModuleNotFoundError as error:
            raise UnknownNameError(
                f"base '{name}' needs the module '{error.name}', which is not installed "
                "(pip install 'mfbench[label]')"
            ) from None
        self.name = name
        self._shift = split.manifest.energy_shifts.get(name)
        at_level = [c for task in split.tasks if task.level == name for c in task.everything]
        self._known = {_key(c): Prediction(*c.label) for c in at_level}

    def __call__(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies (eV) and forces (eV/Å); configurations may be blind."""
        return [self._one(c) for c in configurations]

    def below(self, configurations: Sequence[Configuration]) -> list[Configuration]:
        """Labelled configurations with what the level leaves as their label."""
        found = []
        for c, base in zip(configurations, self(configurations), strict=True):
            energy, forces = c.label
            found.append(c.with_label(energy - base.energy, forces - base.forces))
        return found

    def _one(self, c: Configuration) -> Prediction:
        key = _key(c)
        if key not in self._known:
            engine = self._level.engine(c.atomic_numbers, c.total_charge, c.n_unpaired)
            label = engine.label(np.asarray(c.positions, float))
            shift = self._shift.of(c) if self._shift else 0.0
            self._known[key] = Prediction(float(label.energy) + shift, label.forces)
        return self._known[key]


def differences(split: Split, base: BaseLevel, folds: Sequence[str] = ("train", "validation")) -> Split:
    """The split with labels less those of a base level, in some folds; isolated atoms are then zero.

    Raises:
        TrainingError: the train labels are those of the level itself.
    """
    tasks = tuple(_below(task, base) if task.fold in folds else task for task in split.tasks)
    atoms = dict.fromkeys(split.manifest.isolated_atom_energies_eV, 0.0)
    manifest = split.manifest.model_copy(update={"isolated_atom_energies_eV": atoms})
    found = replace(split, manifest=manifest, tasks=tasks)
    left = max((float(np.abs(c.label[1]).max()) for c in found.train_configurations), default=1.0)
    if left < 1e-3:
        raise TrainingError(
            f"the train labels of {split.name} are those of {base.name}, which leaves nothing to learn: "
            "choose another base, or another split"
        )
    return found


def _below(task: Task, base: BaseLevel) -> Task:
    roles: dict[str, Any] = {role: tuple(base.below(getattr(task, role))) for role in ROLES}
    return replace(task, **roles)


def _key(c: Configuration) -> tuple[bytes, bytes, int, int]:
    positions = np.asarray(c.positions, float).tobytes()
    return np.asarray(c.atomic_numbers, np.int32).tobytes(), positions, c.total_charge, c.n_unpaired
