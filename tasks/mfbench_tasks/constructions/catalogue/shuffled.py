"""The construction ``shuffled``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="shuffled",
    summary="The null of families: the fragments of cath, permuted over the families of their fold.",
    recipe="pool.yaml",
    made_by=MadeBy.POOL,
)
