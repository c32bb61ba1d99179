"""Leakage: what a family of the test or validation fold has in common with meta-train.

Sequence (30 % clusters), fold of the chain (CATH), molecules (graphs), data (proteins, fragments,
configurations) and atomic environments; against the split's own train fold or that of another construction.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mfbench.audit.train_overlap import DescribedSplit, TrainFold
from mfbench.data.configuration import Configuration
from mfbench.data.environments import Reference, environments
from mfbench.data.split import Task
from mfbench.errors import ProtocolError
from mfbench.work.files import write_text, written

__all__ = ["Leakage", "measure_leakage"]

REFERENCE_LIMIT = 20_000
"""Train environments per element."""
_CONFIGURATIONS, _ATOMS = 100, 1_500
"""Random configurations of a family, and random atoms of these, that stand for it."""
_SEED = 0


@dataclass(frozen=True, eq=False)
class Leakage:
    """The table of one split against one train fold.

    Attributes:
        rows: one row a validation or test family. Shares are between 0 and 1; ``environment_*`` are
            distances to the nearest train environment of the element (see ``mfbench.data.environments``),
            and ``*_ratio`` the same over its median among train families, each left out in turn.
        among_train: ``median`` and ``p90`` of these distances for a train family that is left out (median
            over the train families), ``median_known`` and ``p90_known`` when other configurations of it
            are in train: the floor that thermal motion sets.
    """

    split: str
    against: str
    data_hashes: dict[str, str]
    rows: pd.DataFrame
    among_train: dict[str, float]

    @property
    def stem(self) -> str:
        """Of its files: ``leakage``, or ``leakage-against-OTHER``."""
        return "leakage" if self.against == self.split else f"leakage-against-{self.against}"

    def summary(self) -> dict[str, dict[str, Any]]:
        """Per fold: shares as means over its families, distances as medians, CATH levels as counts."""
        out: dict[str, dict[str, Any]] = {}
        for fold, rows in self.rows.groupby("fold"):
            numbers = rows.select_dtypes(include=["number", "bool"])
            distances = [name for name in map(str, numbers) if name.startswith("environment")]
            out[str(fold)] = {
                "families": len(rows),
                **{str(k): v for k, v in numbers.drop(columns=distances).mean().items()},
                **{str(k): v for k, v in numbers[distances].median().items()},
                "nearest_cath": rows["nearest_cath"].value_counts().to_dict(),
            }
        return out

    def write(self, folder: Path) -> None:
        """Write ``<stem>.parquet`` (rows) and ``<stem>.json`` (rows, summaries, what was compared)."""
        folder.mkdir(parents=True, exist_ok=True)
        with written(folder / f"{self.stem}.parquet") as temporary:
            self.rows.to_parquet(temporary, index=False)
        content = {
            "schema": 1,
            "split": self.split,
            "against": self.against,
            "data_hashes": self.data_hashes,
            "among_train": self.among_train,
            "summary": self.summary(),
            "families": self.rows.to_dict("records"),
        }
        write_text(folder / f"{self.stem}.json", json.dumps(_finite(content), indent=1) + "\n")


def measure_leakage(source: DescribedSplit, against: DescribedSplit | None = None) -> Leakage:
    """Compare each validation and test family of ``source`` with the train fold of ``against`` (default:
    its own).

    Raises:
        ProtocolError: there is no train family, or nothing to compare.
    """
    other = against or source
    asked = (*source.split.validation, *source.split.test)
    if not asked or not other.split.train:
        raise ProtocolError(f"{other.split.name} has no train families, or {source.split.name} no others")
    train = TrainFold(other)
    elements = _elements((*other.split.train, *asked))
    rng = np.random.default_rng(_SEED)
    samples = {t.family_id: _two_samples(t, rng) for t in other.split.train}
    known = {name: environments(one, elements, None, rng) for name, (one, _) in samples.items()}
    reference = Reference(known, REFERENCE_LIMIT, rng)

    left_out, there = [], []
    for name, (_, fresh) in samples.items():
        found = environments(fresh, elements, _ATOMS, rng)
        left_out.append(_quantiles(reference.distances(found, without=name)))
        there.append(_quantiles(reference.distances(found)))
    names = ("median", "p90", "median_known", "p90_known")
    among = dict(zip(names, np.median(np.hstack([left_out, there]), axis=0).tolist(), strict=True))

    rows = []
    for task in asked:
        found = environments(_two_samples(task, rng)[0], elements, _ATOMS, rng)
        median, p90 = _quantiles(reference.distances(found))
        distances = {
            "environment_median": median,
            "environment_p90": p90,
            "environment_median_ratio": median / among["median"],
            "environment_p90_ratio": p90 / among["p90"],
        }
        rows.append({**train.compare(task, source), **distances})
    hashes = {s.split.name: s.split.manifest.data_hash for s in (source, other)}
    return Leakage(source.split.name, other.split.name, hashes, pd.DataFrame(rows), among)


def _two_samples(task: Task, rng: np.random.Generator) -> tuple[list[Configuration], list[Configuration]]:
    """Two random samples of a family that share no configuration."""
    everything = (*task.support, *task.query, *task.heldout)
    order = rng.permutation(len(everything))
    size = min(_CONFIGURATIONS, (len(order) + 1) // 2)
    return [everything[i] for i in order[:size]], [everything[i] for i in order[size : 2 * size]]


def _elements(tasks: Sequence[Task]) -> list[int]:
    """Every element of some families; all configurations of a fragment have the same."""
    fragments = {c.fragment_id: c for t in tasks for c in (*t.support, *t.query, *t.heldout)}
    return sorted({int(z) for c in fragments.values() for z in c.atomic_numbers})


def _finite(value: Any) -> Any:
    """JSON has no infinity: a distance to what train does not have becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _quantiles(distances: np.ndarray) -> tuple[float, float]:
    # The value that is there, not between two: an interpolated infinity would not be a number.
    median, high = np.quantile(distances, (0.5, 0.9), method="lower")
    return float(median), float(high)
