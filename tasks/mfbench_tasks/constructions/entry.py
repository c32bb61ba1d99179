"""What a construction is, in words: its entry in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ConstructionEntry", "MadeBy"]


class MadeBy(StrEnum):
    """The commands that make a construction from its recipe."""

    BUILD = "mfbench data build {recipe}"
    POOL = "mfbench data pool {recipe}; mfbench data construct {recipe}"
    REACTION = "mfbench data reaction {recipe}"


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
    def commands(self) -> str:
        """Shell commands that make it, without the folders."""
        return self.made_by.format(recipe=f"tasks/recipes/{self.recipe}")
