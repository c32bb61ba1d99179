"""The construction ``cluster30-mini``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="cluster30-mini",
    summary="Some families of cluster30, complete in themselves, shipped with the package.",
    recipe="pool.yaml",
    made_by=MadeBy.POOL,
)
