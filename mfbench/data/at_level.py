"""The same tasks at another level of theory: labels exchanged, geometries, roles and draws as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.label_table import Labels
from mfbench.data.levels import EnergyShift, find_level_folder, read_level_labels
from mfbench.data.manifest import data_hash
from mfbench.data.parquet import sha256
from mfbench.data.task import ROLES, Split, Task
from mfbench.errors import DataError, UnknownNameError

__all__ = ["Relabelled", "at_level"]


class Relabelled(Mapping[str, Configuration]):
    """Configurations by id with the labels of one level, on the split's energy scale.

    Args:
        configurations: by id, with any labels.
        labels: of the level.
        shift: added to its energies; None leaves them as they are.
    """

    def __init__(
        self, configurations: Mapping[str, Configuration], labels: Labels, shift: EnergyShift | None
    ):
        self._configurations, self._labels, self._shift = configurations, labels, shift
        self._added: dict[str, float] = {}  # per fragment: its configurations have the same atoms and bonds

    def __getitem__(self, name: str) -> Configuration:
        c = self._configurations[name]
        energy, forces = self._labels[name]
        if forces.shape != c.positions.shape:
            raise DataError(f"the label of {name} has {len(forces)} atoms, the configuration {len(c)}")
        return c.with_label(energy + self._of(c), forces)

    def _of(self, c: Configuration) -> float:
        if self._shift is None:
            return 0.0
        if c.fragment_id not in self._added:
            self._added[c.fragment_id] = self._shift.of(c)
        return self._added[c.fragment_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)


def at_level(split: Split, folder: Path, level: str, *, verify: bool = True) -> Split:
    """A split's tasks at one level.

    Where tasks have levels, those at this one. Else all tasks with the labels that lie beside the split,
    on the level's own energy zero: configurations without one are left out, then draws are shorter, and
    tasks without support, query or held-out configurations are left out.

    Raises:
        UnknownNameError: there are no labels at that level.
        DataError: they are damaged, or cover no task.
    """
    if any(task.level for task in split.tasks):
        tasks = tuple(task for task in split.tasks if task.level == level)
        if not tasks:
            known = ", ".join(sorted({task.level for task in split.tasks}))
            raise UnknownNameError(
                f"{split.name} has no task at the level '{level}': choose one of {known}"
            )
        return replace(split, tasks=tasks)
    place = find_level_folder(folder, level)
    card, labels = read_level_labels(place, verify=verify)
    tasks = tuple(t for task in split.tasks if (t := _relabel(task, labels)) is not None)
    if not tasks:
        raise DataError(f"the labels in {place} cover no task of {split.name}")
    parts = {f"labels/{level}/{part}": digest for part, digest in card.files.items()}
    files = {**split.manifest.files, **parts, f"labels/{level}/level.json": sha256(place / "level.json")}
    manifest = split.manifest.model_copy(
        update={
            "level_of_theory": card.description,
            "isolated_atom_energies_eV": card.isolated_atom_energies_eV,
            "data_hash": data_hash(files),
        }
    )
    return replace(split, manifest=manifest, tasks=tasks)


def _relabel(task: Task, labels: Labels) -> Task | None:
    known = {c.config_id: c for c in task.everything if c.config_id in labels}
    view = Relabelled(known, labels, None)
    roles: dict[str, Any] = {
        role: tuple(view[c.config_id] for c in getattr(task, role) if c.config_id in known)
        for role in ROLES
    }
    if not roles["support"] or not (roles["query"] or roles["heldout"]):
        return None
    return replace(task, draws=_draws(task, roles["support"]), **roles)


def _draws(task: Task, support: Sequence[Configuration]) -> np.ndarray:
    """Each draw keeps its order and loses what has no label; all end where the shortest does."""
    place = {c.config_id: i for i, c in enumerate(support)}
    names = [c.config_id for c in task.support]
    rows = [[place[names[i]] for i in row if names[i] in place] for row in task.draws.tolist()]
    length = min(map(len, rows))
    return np.array([row[:length] for row in rows], dtype=int).reshape(len(rows), length)
