"""What runs of ``mfbench evaluate`` measured, apart by level of theory, as plain values."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from mfbench import Split, load_split
from mfbench.metrics.statistics import Interval, bootstrap_mean, ratio
from mfbench.results.results import Results, read_results
from mfbench.results.score_run import family_groups

__all__ = ["LINE", "METRICS", "Run", "gains_of", "groups_of", "ratios_of", "rows_of"]

METRICS = {"energy_rmse": "energy", "energy_rmse_within": "within", "force_rmse": "forces"}
"""Metric → its column."""
QUERIES = ("all", "seen", "unseen")
"""Subsets of the query: molecules that the support shows, and others."""
LINE = "pretrain"
"""What every other method is divided by."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run and the data that it ran on."""

    request: dict[str, Any]
    card: dict[str, Any]
    results: Results
    split: Split

    @classmethod
    def read(cls, folder: Path) -> Run:
        """The run in a folder; a run on another version of its data is refused."""
        record = json.loads((folder / "run.json").read_text())
        split = load_split(record["request"]["split"])
        run = cls(record["request"], record["card"] or {}, read_results(folder), split)
        if split.manifest.data_hash != run.request["data_hash"]:
            raise SystemExit(f"a run of {run.name} is of another version of {split.name}: run it again")
        return run

    @property
    def name(self) -> str:
        """The method, how it is fine-tuned, what it stands on, and whose labels it got if not its own."""
        base = f"on {level}" if (level := self.request["options"].get("base")) else ""
        strategy = "" if self.strategy == "none" else self.strategy
        support = "" if self.request["support"] == "own" else self.request["support"]
        return ", ".join(part for part in (self.request["method"], strategy, base, support) if part)

    @property
    def strategy(self) -> str:
        """How a public model is fine-tuned."""
        return str((self.card.get("strategy") or {}).get("strategy", "none"))

    @property
    def moving(self) -> int | None:
        """How many numbers fine-tuning moves."""
        return (self.card.get("strategy") or {}).get("moving")

    @property
    def levels(self) -> list[str]:
        """Levels of theory of its tasks; one empty name where they have none of their own."""
        run = {e.family_id for e in self.results.episodes}
        return sorted({task.level for task in self.split.test if task.family_id in run})

    def errors(
        self, metric: str, k: int, level: str, draws: int | None = None, query: str = "all"
    ) -> dict[str, float]:
        """Family → error on a subset of the query, of the tasks at a level; mean over all draws, or the
        first so many."""
        here = {task.family_id for task in self.split.test if task.level == level}
        found = defaultdict(list)
        for episode in self.results.episodes:
            counted = (
                episode.k == k and episode.family_id in here and (draws is None or episode.draw < draws)
            )
            if counted and metric in (errors := episode.metrics.get(query, {})):
                found[episode.family_id].append(errors[metric])
        return {family: float(np.mean(values)) for family, values in found.items()}


def gains_of(run: Run) -> list[dict[str, Any]]:
    """Force error at K = 0 ÷ at the largest K; nothing where only one was run or no label moves a force."""
    first, last = min(run.results.ks), max(run.results.ks)
    found = []
    for level in run.levels:
        before, after = (run.errors("force_rmse", k, level) for k in (first, last))
        if first == 0 < last and before != after:
            values = _paired(run.split, before, after)
            found.append({"method": run.name, "level": level, "k": last, "force_ratio": list(values)})
    return found


def _paired(split: Split, top: dict[str, float], bottom: dict[str, float]) -> Interval:
    """Geometric mean of a ratio over the families that both have."""
    families = sorted(top.keys() & bottom.keys())
    groups = np.array([family_groups(split, families)[f] for f in families])
    above, below = (np.array([of[f] for f in families]) for of in (top, bottom))
    return ratio(above, below, groups)


def groups_of(runs: Sequence[Run]) -> dict[str, dict[str, int]]:
    """Split → family → bootstrap group: families that are not independent share one."""
    splits = {run.split.name: run.split for run in runs}
    return {
        name: family_groups(split, [task.family_id for task in split.test])
        for name, split in splits.items()
    }


def ratios_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Errors of every method ÷ those of ``LINE`` on the same split, level, K and draws; own labels."""
    found = []
    for line, run in product((r for r in runs if r.name == LINE), runs):
        if run is not line and run.split.name == line.split.name and run.request["support"] == "own":
            draws = min(run.request["draws"], line.request["draws"])
            for level, k in product(line.levels, line.results.ks):
                pairs = {m: [r.errors(m, k, level, draws) for r in (run, line)] for m in METRICS}
                if k and pairs["force_rmse"][0].keys() & pairs["force_rmse"][1].keys():
                    values = {m: list(_paired(run.split, *pair)) for m, pair in pairs.items()}
                    found.append({"method": run.name, "level": level, "k": k, **values})
    return found


def _mean(split: Split, errors: dict[str, float]) -> list[float | None]:
    """Mean over families and its interval; the interval of fewer than two is None."""
    families = sorted(errors)
    groups = np.array([family_groups(split, families)[f] for f in families])
    mean = bootstrap_mean(np.array([errors[f] for f in families]), groups, least=0.0)
    return [float(value) if np.isfinite(value) else None for value in mean]


def rows_of(run: Run) -> list[dict[str, Any]]:
    """One row per level of theory and K: errors with 95 % intervals over families, and failures."""
    found = []
    for level, k in product(run.levels, run.results.ks):
        errors = {metric: run.errors(metric, k, level) for metric in METRICS}
        families = errors["force_rmse"].keys()
        failures = [e for e in run.results.failures if e.k == k and e.family_id in families]
        found.append(
            {
                "split": run.request["split"],
                "level": level,
                "method": run.name,
                "moving": run.moving,
                "track": str(run.results.track),
                "k": k,
                "draws": run.request["draws"],
                "families": len(families),
                "failed": len(failures),
                "forces_of_families": {q: run.errors("force_rmse", k, level, query=q) for q in QUERIES},
                **{metric: _mean(run.split, values) for metric, values in errors.items() if values},
            }
        )
    return found
