"""Levels of theory of a construction whose tasks have one each, such as ``levels``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mfbench.data.manifest import label_levels, read_manifest
from mfbench.data.split import find_split
from mfbench.errors import MfbenchError

__all__ = ["EVERY_LEVEL", "FIRST_LEVEL", "at_level", "is_at", "levels_of"]

EVERY_LEVEL = "all"
FIRST_LEVEL = "wb97x-d"
"""What a construction with such tasks opens on: the level that the field uses."""


@lru_cache(maxsize=64)
def _has_levels(split: str) -> bool:
    """Whether its tasks are named ``level.family``; a split that is not here counts as one without."""
    try:
        return bool(label_levels(read_manifest(find_split(split))))
    except MfbenchError:
        return False


def levels_of(split: str, families: Sequence[str]) -> list[str]:
    """Levels of these families, the one to open on first; empty where tasks have none."""
    if not _has_levels(split):
        return []
    found = {family.partition(".")[0] for family in families}
    return sorted(found, key=lambda level: (level != FIRST_LEVEL, level))


def is_at(family: str, level: str) -> bool:
    """Whether a family's task is of a level of theory."""
    return level in (EVERY_LEVEL, family.partition(".")[0])


def at_level(errors: np.ndarray, families: Sequence[str], level: str) -> np.ndarray:
    """[n] errors of families, NaN for those of another level: as if they had not been run."""
    return np.where([is_at(family, level) for family in families], errors, np.nan)
