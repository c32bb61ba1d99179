"""The construction ``levels``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="levels",
    summary="A task is a family at a level of theory; test levels and test families are both unseen.",
    recipe="levels.yaml",
    made_by=MadeBy.LEVELS,
)
