"""The construction ``cath-million``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="cath-million",
    summary="The families of cath on a larger scale: a million configurations, not built yet.",
    recipe="million.yaml",
    made_by=MadeBy.POOL,
)
