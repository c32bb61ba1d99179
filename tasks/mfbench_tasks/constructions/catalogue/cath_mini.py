"""The construction ``cath-mini``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="cath-mini",
    summary="A family is a CATH topology: few families, complete in themselves, shipped with the package.",
    recipe="cath-mini.yaml",
    made_by=MadeBy.BUILD,
)
