"""The construction ``cluster30``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="cluster30",
    summary="A family is a 30 % sequence cluster; training has met some topologies of the test families.",
    recipe="pool.yaml",
    made_by=MadeBy.POOL,
)
