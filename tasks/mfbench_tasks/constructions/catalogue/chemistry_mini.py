"""The construction ``chemistry-mini``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="chemistry-mini",
    summary="Some families of chemistry, complete in themselves, shipped with the package.",
    recipe="pool.yaml",
    made_by=MadeBy.POOL,
)
