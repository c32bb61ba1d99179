"""``compare.json`` beside a store's submissions: what ``mfbench compare`` says of whole constructions."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mfbench.store.store import Store

__all__ = ["Comparison", "Gain", "Score", "read_comparison"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Construction(_Part):
    """How families are cut from the pool."""

    name: str
    data_hash: str
    n_test_families: int
    note: str = ""


class Score(_Part):
    """One method on one construction; units are those of ``mfbench.metrics``."""

    construction: str
    method: str
    k: int
    query: str = "all"
    metric: str
    value: float
    lo: float | None = None
    hi: float | None = None


class Gain(_Part):
    """A ratio of errors that says what was learned from the family itself.

    ``kind``: ``adaptation`` (K = 0 ÷ K), ``wrong-family`` (another family's support ÷ the own one).
    """

    construction: str
    method: str
    k: int
    metric: str
    kind: str
    value: float
    lo: float | None = None
    hi: float | None = None


class Comparison(_Part):
    """All constructions side by side, on the same labels."""

    schema_: int = Field(1, alias="schema")
    level_of_theory: str
    constructions: list[Construction]
    scores: list[Score]
    gains: list[Gain] = []


def read_comparison(store: Store) -> Comparison | None:
    """The comparison of a store; None where there is none.

    Raises:
        ValueError: the file is damaged, in one line.
    """
    try:
        data = store.files.read("compare.json")
    except (OSError, KeyError):
        return None
    try:
        return Comparison.model_validate(json.loads(data))
    except (ValueError, ValidationError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from None
