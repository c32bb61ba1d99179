"""``results.json``: every episode, and what they say together.

The failure rule lives here: a failed episode scores, per metric and subset, the worse of the constant
method on the same episode and the method's own worst episode of the run. It stays visible as failed.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.errors import DataError
from mfbench.metrics.errors import CALIBRATION, COSTS, DYNAMICS, METRICS
from mfbench.metrics.statistics import Interval, bootstrap_means
from mfbench.protocol.protocol import Budget, Selector, Track, track_of
from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.results.episode_errors import EpisodeErrors

__all__ = [
    "AggregateRow",
    "EpisodeRow",
    "Results",
    "Scores",
    "aggregate",
    "not_better",
    "read_results",
    "score_failures",
]

_OF_EPISODES = frozenset((*COSTS, *DYNAMICS, *CALIBRATION))
"""Of the whole query, not of a subset of it."""
Scores = Mapping[str, Mapping[str, float]]
"""subset → metric → value."""
_Cell = tuple[str, str, int]
"""Metric, subset, K."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EpisodeRow(_Row):
    """One episode. ``metrics``: subset → metric → value; ``failure``: why its scores are a penalty;
    ``selected``: rows of the support pool, where they are not the published ones; ``stable_share``: of
    trajectories, where dynamics was run; ``energy_coverage``, ``force_coverage``: share of truths inside
    the stated 90 % interval, where one is stated."""

    family_id: str
    k: int
    draw: int
    failure: str | None
    adapt_seconds: float
    predict_seconds: float
    compile_seconds: float
    gradient_evaluations: int
    peak_memory_bytes: int | None
    metrics: dict[str, dict[str, float]]
    selected: list[int] | None = None
    stable_share: float | None = None
    energy_coverage: float | None = None
    force_coverage: float | None = None


class AggregateRow(_Row):
    """Mean over families with its 95 % interval; bounds are None where one group of families is left.

    Seconds are medians without bounds.
    """

    split: str
    metric: str
    k: int
    query: str
    value: float
    ci95: tuple[float | None, float | None]
    n_families: int


class Results(BaseModel):
    """What ``evaluate`` returns and ``results.json`` holds.

    Attributes:
        schema_: version of this format (``schema`` in the file).
        run: method, split, data hash, protocol and seed, as in ``run.json``.
        episodes: in order of family, K and draw.
        aggregate: one row per metric, K and query subset.
        constant: the same rows for the constant method on the same episodes.
        not_better_than_constant: rows (metric, k, query) whose value is not below the constant method's.
        folder: the run folder, None where nothing was written; not part of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: int = 1
    run: dict[str, Any]
    episodes: list[EpisodeRow]
    aggregate: list[AggregateRow]
    constant: list[AggregateRow]
    not_better_than_constant: list[tuple[str, int, str]]
    folder: Path | None = None

    @property
    def failures(self) -> list[EpisodeRow]:
        """Failed episodes."""
        return [row for row in self.episodes if row.failure is not None]

    @property
    def exit_code(self) -> int:
        """0, or 3 where an episode failed."""
        return 3 if self.failures else 0

    @property
    def track(self) -> Track:
        """What adaptation could spend; of a run that names no track, what its budget says."""
        return Track(named) if (named := self.run.get("track")) else track_of(Budget(**self.run["budget"]))

    @property
    def selector(self) -> Selector:
        """Who chose the support."""
        return Selector(self.run.get("selector", Selector.RANDOM))

    @property
    def ks(self) -> list[int]:
        """Support sizes, ascending."""
        return sorted({row.k for row in self.episodes})

    def find(
        self, metric: str, k: int, query: str = "all", *, of: str = "aggregate"
    ) -> AggregateRow | None:
        """The row of a metric, or None where no family has this subset; ``of="constant"`` for the line."""
        rows: list[AggregateRow] = getattr(self, of)
        return next((r for r in rows if (r.metric, r.k, r.query) == (metric, k, query)), None)

    def value(self, metric: str, k: int, query: str = "all") -> float:
        """The mean over families; NaN where no family has this subset."""
        row = self.find(metric, k, query)
        return float("nan") if row is None else row.value

    def per_family(self, metric: str, k: int, query: str = "all") -> dict[str, float]:
        """family → mean over draws: what ratios and ranks are computed from."""
        return self._means.get((metric, query, k), {})

    @cached_property
    def _means(self) -> dict[_Cell, dict[str, float]]:
        return _means_of_families(self.episodes)

    def to_frame(self) -> pd.DataFrame:
        """The aggregate as a table: split, metric, k, query, value, lo, hi, n_families."""
        rows = [
            {**r.model_dump(exclude={"ci95"}), "lo": r.ci95[0], "hi": r.ci95[1]} for r in self.aggregate
        ]
        return pd.DataFrame(rows)

    def to_json(self) -> str:
        """The text of ``results.json``."""
        content = self.model_dump(mode="json", exclude={"folder", "schema_"})
        for row in content["episodes"]:
            for name in ("selected", "stable_share", *CALIBRATION):
                if row[name] is None:
                    del row[name]
        return json.dumps({"schema": self.schema_, **content}, indent=1, allow_nan=False) + "\n"


def read_results(path: str | Path) -> Results:
    """Read a ``results.json``, or that of a run folder.

    Raises:
        DataError: it is missing, damaged, or of another format.
    """
    path = Path(path)
    path = path if path.suffix == ".json" else path / "results.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["schema_"] = content.pop("schema")
        return Results(**content, folder=path.parent)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: is {path.parent} a finished run?") from None
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not a results file ({' '.join(str(error).split())[:120]})") from None


def score_failures(
    records: Sequence[EpisodeRecord | EpisodeErrors],
    scores: Sequence[Scores | None],
    constant: Sequence[Scores],
) -> list[EpisodeRow]:
    """Rows of all episodes, with a penalty where one failed.

    Args:
        records: as run.
        scores: of each record, None where it failed.
        constant: scores of the constant method on the same episodes.
    """
    worst: dict[tuple[str, str], float] = {}
    for found in scores:
        for subset, values in (found or {}).items():
            for metric, value in values.items():
                key = (subset, metric)
                worst[key] = _worse(metric, value, worst.get(key, value))
    rows = []
    for record, found, reference in zip(records, scores, constant, strict=True):
        if found is None:
            found = {
                subset: {m: _worse(m, v, worst.get((subset, m), v)) for m, v in values.items()}
                for subset, values in reference.items()
            }
        rows.append(
            EpisodeRow(
                family_id=record.family_id,
                k=record.k,
                draw=record.draw,
                failure=record.failure,
                **{name: getattr(record, name) for name in (*COSTS, *DYNAMICS, *CALIBRATION)},
                peak_memory_bytes=record.peak_memory_bytes,
                metrics={subset: dict(values) for subset, values in found.items()},
                selected=_selected(record),
            )
        )
    return rows


def _selected(record: EpisodeRecord | EpisodeErrors) -> list[int] | None:
    """Rows of the support pool, as far as the record tells of any."""
    rows = record.selected if isinstance(record, EpisodeRecord) else None
    return None if rows is None else list(rows)


def aggregate(
    split: str, episodes: Sequence[EpisodeRow], groups: Mapping[str, int], *, costs: bool = True
) -> list[AggregateRow]:
    """Mean over draws within a family, then over families, for every metric, K and subset.

    Seconds: medians instead, without an interval.

    Args:
        split: its name.
        episodes: rows with scores.
        groups: family → bootstrap group.
        costs: also the costs (``query`` is ``all``); failed episodes have none, and no stable trajectory.
    """
    subsets = list(dict.fromkeys(s for row in episodes for s in row.metrics))
    wanted = [(metric, subset) for metric in METRICS for subset in subsets]
    wanted += [(cost, "all") for cost in (*COSTS, *DYNAMICS, *CALIBRATION)] if costs else []
    cells = _means_of_families(episodes)
    keys = [(metric, subset, k) for metric, subset in wanted for k in sorted({row.k for row in episodes})]
    found = _intervals({key: cells[key] for key in keys if key in cells}, groups)
    return [
        AggregateRow(
            split=split,
            metric=metric,
            k=k,
            query=subset,
            value=mean.value,
            ci95=(_finite(mean.lo), _finite(mean.hi)),
            n_families=len(cells[metric, subset, k]),
        )
        for (metric, subset, k), mean in found.items()
    ]


def _intervals(cells: Mapping[_Cell, dict[str, float]], groups: Mapping[str, int]) -> dict[_Cell, Interval]:
    """Cell → mean over its families; cells of the same families are resampled together."""
    alike: dict[tuple[str, ...], list[_Cell]] = defaultdict(list)
    for cell, families in cells.items():
        if not cell[0].endswith("_seconds"):
            alike[tuple(families)].append(cell)
    means: dict[_Cell, Interval] = {}
    for names, these in alike.items():
        tables = np.array([[list(cells[cell].values())] for cell in these])
        intervals = bootstrap_means(tables, np.array([groups[name] for name in names]))
        means |= dict(zip(these, intervals, strict=True))
    return {cell: _bounded(cell[0], cells[cell], means.get(cell)) for cell in cells}


def _bounded(metric: str, families: dict[str, float], mean: Interval | None) -> Interval:
    if mean is None:
        return Interval(float(np.median(list(families.values()))), float("nan"), float("nan"))
    least = -np.inf if "skill" in metric else 0.0
    most = 1.0 if metric in DYNAMICS or metric in CALIBRATION else np.inf
    return mean.within(least, most)


def not_better(
    rows: Sequence[AggregateRow], constant: Sequence[AggregateRow]
) -> list[tuple[str, int, str]]:
    """(metric, k, query) of the rows that the constant method reaches too."""
    reference = {(r.metric, r.k, r.query): r.value for r in constant}
    return [
        (r.metric, r.k, r.query)
        for r in rows
        if r.metric in METRICS
        and (line := reference.get((r.metric, r.k, r.query))) is not None
        and _worse(r.metric, r.value, line) == r.value
    ]


def _means_of_families(episodes: Sequence[EpisodeRow]) -> dict[_Cell, dict[str, float]]:
    """Cell → family → mean over draws, of seconds the median; of what any episode has."""
    draws: dict[_Cell, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in episodes:
        for metric in _OF_EPISODES:
            cost = getattr(row, metric)
            if cost is not None and (row.failure is None or metric in DYNAMICS):
                draws[metric, "all", row.k][row.family_id].append(cost)
        for subset, values in row.metrics.items():
            for metric, value in values.items():
                draws[metric, subset, row.k][row.family_id].append(value)
    return {
        cell: {
            family: float(np.median(each)) if cell[0].endswith("_seconds") else sum(each) / len(each)
            for family, each in sorted(families.items())
        }
        for cell, families in draws.items()
    }


def _worse(metric: str, a: float, b: float) -> float:
    return min(a, b) if METRICS[metric].higher_is_better else max(a, b)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
