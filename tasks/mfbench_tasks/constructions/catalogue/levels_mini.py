"""The construction ``levels-mini``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="levels-mini",
    summary="A task is a family at a level of theory: few tasks of levels, shipped with the package.",
    recipe="levels-mini.yaml",
    made_by=MadeBy.LEVELS_MINI,
)
