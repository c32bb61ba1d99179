"""Minis: some families of another construction, small enough to ship with the package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mfbench.errors import DataError
from mfbench_tasks.constructions.arrangements.arrangement import (
    ArrangedFamily,
    Arrangement,
    Families,
    Given,
)
from mfbench_tasks.pool.recipe import Construction

__all__ = ["ARRANGEMENT", "pick"]


def pick(families: Sequence[ArrangedFamily], only: Sequence[str]) -> list[ArrangedFamily]:
    """Some families as they are, without deep pools and larger cuts.

    Raises:
        DataError: one of them is not there.
    """
    known = {f.family_id: f for f in families}
    for name in only:
        if name not in known:
            raise DataError(f"a mini wants family {name}, which its construction does not have")
    return [replace(known[name], larger_fragments=(), deep=False) for name in only]


def _families(construction: Construction, given: Given) -> Families:
    return Families(pick(given.construction(construction.source).families, construction.only))


ARRANGEMENT = Arrangement(_families, self_contained=True)
