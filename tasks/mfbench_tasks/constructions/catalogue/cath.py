"""The construction ``cath``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="cath",
    summary="A family is a CATH topology; test topologies, entries and 30 % clusters are in no other fold.",
    recipe="pool.yaml",
    made_by=MadeBy.POOL,
)
