"""The construction ``reaction``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="reaction",
    summary="A family is a class of enzyme reactions; configurations lie along and off their paths.",
    recipe="reaction.yaml",
    made_by=MadeBy.REACTION,
)
