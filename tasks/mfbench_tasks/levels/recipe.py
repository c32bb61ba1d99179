"""The recipe of ``levels``: which families meet which levels, and how much of each is labelled."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.data.strict_yaml import read_yaml
from mfbench.errors import DataError

__all__ = ["DftTasks", "LevelsRecipe", "TestTasks", "TrainTasks", "ValidationTasks", "load_levels_recipe"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Size(_Frozen):
    """How much of a family is labelled.

    Attributes:
        support, query: configurations per pool fragment.
        heldout: per held-out fragment.
        draw_length: of the published draws.
    """

    support: int
    query: int
    heldout: int
    draw_length: int


class TrainTasks(Size):
    """Train families of cath at ``always`` and at ``each`` of ``levels``; named ones of chemistry."""

    always: tuple[str, ...]
    levels: tuple[str, ...]
    each: int
    families: int
    chemistry: dict[str, tuple[str, ...]]


class ValidationTasks(Size):
    """Validation families at a level of their own."""

    level: str
    families: int


class TestTasks(Size):
    """Test families at a held-out semiempirical level; ``deep`` ones have ``deep_support`` in support."""

    level: str
    families: int
    deep: tuple[str, ...]
    deep_support: int


class DftTasks(_Frozen):
    """Test families at the DFT level, as far as the queue of labels has come."""

    level: str
    families: int
    draw_length: int


class LevelsRecipe(_Frozen):
    """``tasks/recipes/levels.yaml``."""

    name: str
    version: str
    seed: int
    draws: int
    reference: str
    train: TrainTasks
    validation: ValidationTasks
    test: TestTasks
    dft: DftTasks
    changelog: list[str]


def load_levels_recipe(path: Path) -> LevelsRecipe:
    """Read a recipe.

    Raises:
        DataError: it is missing, or not a recipe of levels.
    """
    try:
        return LevelsRecipe.model_validate(read_yaml(path))
    except ValidationError as error:
        raise DataError(f"{path} is no recipe of levels ({' '.join(str(error).split()[:12])})") from None
