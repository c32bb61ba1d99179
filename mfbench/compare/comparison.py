"""What ``mfbench compare`` finds, as one JSON file: ``compare.json``, which the board shows."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mfbench.metrics.statistics import Interval

__all__ = [
    "Comparison",
    "Construction",
    "Curve",
    "Diversity",
    "Gain",
    "Power",
    "Score",
    "Transfer",
    "bounds",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class _Value(_Part):
    """A number with its 95 % interval over families; no bounds where one group of families is left."""

    value: float
    lo: float | None = None
    hi: float | None = None


def bounds(interval: Interval, digits: int = 6) -> dict[str, Any]:
    """Fields of ``_Value``; what is no number becomes null."""
    found = {name: float(f"{x:.{digits}g}") for name, x in interval._asdict().items()}
    return {name: None if x != x else x for name, x in found.items()}


class Diversity(_Part):
    """What a construction holds, from its data alone. See ``mfbench.compare.diversity``."""

    train_families: int
    train_fragments: int
    train_graphs: int
    train_configurations: int
    elements: int
    effective_families: float
    graphs_covered: float
    distance: float
    distance_ratio: float
    new_elements: int


class Construction(_Part):
    """How families are cut from the pool."""

    name: str
    data_hash: str
    n_test_families: int
    note: str = ""
    diversity: Diversity | None = None


class Score(_Value):
    """One method on one construction; units are those of ``mfbench.metrics.errors``."""

    construction: str
    method: str
    k: int
    query: str = "all"
    metric: str


class Gain(_Value):
    """A ratio of errors that says what was learned from the family itself.

    ``kind``: ``adaptation`` (K = 0 ÷ K), ``wrong-family`` (another family's support ÷ the own one).
    """

    construction: str
    method: str
    k: int
    metric: str
    kind: str


class Transfer(_Value):
    """Trained on one construction, tested on another without what overlaps.

    ``ratio``: over the error of the same method trained on the construction that it is tested on (the same
    seeds and families); below 1 the foreign training is the better one. The run away from home leaves out
    query fragments that it was trained on, the one at home need not.
    """

    trained_on: str
    tested_on: str
    method: str
    k: int
    metric: str
    n_families: int
    ratio: float | None = None
    ratio_lo: float | None = None
    ratio_hi: float | None = None


class Curve(_Value):
    """Error after training on ``n`` families (``over="families"``), or on ``n`` configurations of each."""

    construction: str
    method: str
    over: str
    n: int
    k: int
    metric: str


class Power(_Part):
    """The smallest ratio of two methods' errors that a construction's tests show in four of five cases: the
    median over pairs of methods."""

    construction: str
    k: int
    metric: str
    ratio: float


class Comparison(_Part):
    """All constructions side by side, on the same labels."""

    schema_: int = Field(default=1, alias="schema")
    level_of_theory: str
    constructions: list[Construction]
    scores: list[Score]
    gains: list[Gain] = []
    transfer: list[Transfer] = []
    curves: list[Curve] = []
    power: list[Power] = []

    def to_json(self) -> str:
        """The file's text."""
        content = self.model_dump(mode="json", by_alias=True)
        lines = (f"{json.dumps(k)}: {_rows(v)}" for k, v in content.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"


def _rows(value: Any) -> str:
    """JSON, a line an entry of a list."""
    if not isinstance(value, list):
        return json.dumps(value, allow_nan=False)
    return "[\n" + ",\n".join(json.dumps(x, separators=(",", ":"), allow_nan=False) for x in value) + "\n]"
