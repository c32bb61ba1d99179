"""The construction ``chemistry``."""

from __future__ import annotations

from mfbench_tasks.constructions.entry import ConstructionEntry, MadeBy

__all__ = ["ENTRY"]

ENTRY = ConstructionEntry(
    name="chemistry",
    summary="A family is a chemical environment: a metal site, a modification, a bridge or a ligand.",
    recipe="pool.yaml",
    made_by=MadeBy.POOL,
)
