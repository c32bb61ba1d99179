"""Every arrangement by the field of a recipe that asks for it; a new one is a file and a line here."""

from __future__ import annotations

from mfbench_tasks.constructions.arrangements import from_table, permuted, some_families
from mfbench_tasks.constructions.arrangements.arrangement import Arrangement
from mfbench_tasks.pool.recipe import Construction

__all__ = ["ARRANGEMENTS", "arrangement_of"]

ARRANGEMENTS: dict[str, Arrangement] = {
    "families": from_table.ARRANGEMENT,
    "shuffles": permuted.ARRANGEMENT,
    "mini_of": some_families.ARRANGEMENT,
}


def arrangement_of(construction: Construction) -> Arrangement:
    """The arrangement that a construction of a recipe asks for."""
    return ARRANGEMENTS[construction.kind]
