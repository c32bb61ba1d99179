"""What a construction is, in words: its entry in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ConstructionEntry", "MadeBy"]


class MadeBy(StrEnum):
    """The commands of ``mfbench data`` that make a construction from its recipe, one after another."""

    BUILD = "build"
    POOL = "pool, construct"
    REACTION = "reaction"
    LEVELS = "levels"
    LEVELS_MINI = "levels-mini"


@dataclass(frozen=True)
class ConstructionEntry:
    """A construction: which fragments form a family, and which families serve which fold.

    Attributes:
        name: of the split.
        summary: one sentence: what a family is, and what is held out.
        recipe: file in ``tasks/recipes``.
        made_by: how its recipe becomes a split.
    """

    name: str
    summary: str
    recipe: str
    made_by: MadeBy

    @property
    def commands(self) -> list[str]:
        """Shell commands that make it, without the folders."""
        return [f"mfbench data {name} tasks/recipes/{self.recipe}" for name in self.made_by.split(", ")]
