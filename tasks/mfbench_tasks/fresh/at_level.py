"""Labels of fresh configurations at the level of theory of their task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mfbench.data.configuration import Configuration
from mfbench.data.split import Split, Task
from mfbench_tasks.labelling.entry import Entry
from mfbench_tasks.labelling.label_gates import refusal
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.labelling.tblite import ScfFailure

__all__ = ["AtLevel"]


class AtLevel(NamedTuple):
    """A level, and what puts its energies of one fragment on the split's scale.

    Attributes:
        name: of the level.
        shift: eV, added to every energy of the fragment.
    """

    name: str
    shift: float

    @classmethod
    def of(cls, split: Split, task: Task, fragment: str) -> AtLevel | None:
        """Of a fragment of a task; None where the task is at the level that samples."""
        shift = split.manifest.energy_shifts.get(task.level)
        if shift is None:
            return None
        published = next(c for c in task.everything if c.fragment_id == fragment)
        return cls(task.level, shift.of(published))

    def labelled(self, configurations: Sequence[Configuration]) -> list[Configuration]:
        """The same geometries with labels of this level; those that a gate refuses are left out.

        Raises:
            LevelError: the level cannot run here.
        """
        level, found = find_level(self.name), []
        for c in configurations:
            engine = level.engine(c.atomic_numbers, c.total_charge, c.n_unpaired)
            try:
                label = engine.label(c.positions)
            except ScfFailure:
                continue
            if not refusal(Entry(c.config_id, label.energy, label.forces)):
                found.append(c.with_label(label.energy + self.shift, label.forces))
        return found
