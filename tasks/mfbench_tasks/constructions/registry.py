"""Every construction of this project by name; a new one is a file of the catalogue and a line here."""

from __future__ import annotations

from mfbench_tasks.constructions.catalogue import (
    cath,
    cath_million,
    cath_mini,
    chemistry,
    chemistry_mini,
    cluster30,
    cluster30_mini,
    levels,
    levels_mini,
    reaction,
    shuffled,
)
from mfbench_tasks.constructions.entry import ConstructionEntry

__all__ = ["CONSTRUCTIONS"]

CONSTRUCTIONS: dict[str, ConstructionEntry] = {
    entry.name: entry
    for entry in (
        cath.ENTRY,
        cluster30.ENTRY,
        chemistry.ENTRY,
        shuffled.ENTRY,
        reaction.ENTRY,
        levels.ENTRY,
        cath_mini.ENTRY,
        cluster30_mini.ENTRY,
        chemistry_mini.ENTRY,
        levels_mini.ENTRY,
        cath_million.ENTRY,
    )
}
"""In the order in which they are shown."""
