"""Runs of ``mfbench evaluate``, and the seeds of a method at one level of theory among them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mfbench import Split
from mfbench.protocol.protocol import Budget, Track
from mfbench.results.results import read_results
from mfbench_campaign.run_table.kept import KEPT, Episode, read_kept
from mfbench_campaign.splits import split_called

__all__ = ["Measured", "Run", "measured"]


@dataclass(frozen=True, eq=False)
class Run:
    """A run and the data that it ran on.

    Attributes:
        record: as in ``run.json``.
        episodes: with what the table needs of them.
    """

    record: dict[str, Any]
    episodes: list[Episode]
    split: Split

    @classmethod
    def read(cls, path: Path) -> Run:
        """The run in a folder, or what was kept of one.

        Raises:
            SystemExit: it is of another version of its data.
        """
        if path.suffix == KEPT:
            record, episodes = read_kept(path)
        else:
            record = json.loads((path / "run.json").read_text())
            episodes = [
                Episode(e.family_id, e.k, e.draw, e.failure is not None, e.metrics)
                for e in read_results(path).episodes
            ]
        run = cls(record, episodes, split_called(record["request"]["split"]))
        if run.split.manifest.data_hash != run.request["data_hash"]:
            raise SystemExit(f"a run of {run.name} is of another version of {run.split.name}: run it again")
        return run

    @cached_property
    def request(self) -> dict[str, Any]:
        """What was asked for."""
        return dict(self.record["request"])

    @cached_property
    def card(self) -> dict[str, Any]:
        """What the method said of itself."""
        return dict(self.record["card"] or {})

    @property
    def name(self) -> str:
        """The method and what it differs by from the usual: training, budget, fine-tuning, base, labels."""
        base = f"on {level}" if (level := self.request["options"].get("base")) else ""
        strategy = (self.card.get("strategy") or {}).get("strategy", "none")
        parts = [*self._marks_of_training(), *self._marks_of_budget()]
        parts += [strategy] * (strategy != "none") + [base] * bool(base)
        parts += [self.request["support"]] * (self.request["support"] != "own")
        return ", ".join([self.request["method"], *parts])

    @property
    def averaged(self) -> bool:
        """Whether what was kept are means over its draws, not the draws."""
        return bool(self.record.get("averaged"))

    @property
    def phases(self) -> list[dict[str, Any]]:
        """Of its start's training, in order: name, steps (``done``), gradients, displacement."""
        return list(self.card.get("phases", []))

    def _marks_of_training(self) -> list[str]:
        """How its start differs from the usual: a phase that went on, a trunk with a readout per level."""
        *before, own = [phase["name"] for phase in self.phases] or [""]
        return ["longer"] * (own in before) + ["behind multihead"] * (
            "multihead" in before and own not in before
        )

    def _marks_of_budget(self) -> list[str]:
        """How many steps it may take, where these are more than the standard track's."""
        budget = Track(self.request["track"]).budget
        return [f"{budget.steps:,} steps"] if budget and budget.steps > Budget().steps else []

    @property
    def seed(self) -> int:
        """Of meta-training; where nothing was trained before, of the run."""
        trained = self.card.get("training", {}).get("settings", {})
        return int(trained.get("seed", self.request["seed"]))

    @property
    def moving(self) -> int | None:
        """How many numbers fine-tuning moves."""
        return (self.card.get("strategy") or {}).get("moving")

    @property
    def levels(self) -> list[str]:
        """Levels of theory of its tasks; one empty name where they have none of their own."""
        run = {e.family_id for e in self.episodes}
        return sorted({task.level for task in self.split.test if task.family_id in run})

    @property
    def ks(self) -> set[int]:
        """Support sizes that it was run at."""
        return {e.k for e in self.episodes}


@dataclass(frozen=True, eq=False)
class Measured:
    """A method at one level of theory.

    Attributes:
        level: empty where tasks have none of their own.
        runs: one per seed, in their order.
        draws: only the first so many count; None: those of every seed.
    """

    level: str
    runs: tuple[Run, ...]
    draws: int | None = None

    @property
    def name(self) -> str:
        """See ``Run.name``."""
        return self.runs[0].name

    @property
    def where(self) -> tuple[str, str]:
        """Split and level."""
        return self.runs[0].split.name, self.level

    @property
    def own_labels(self) -> bool:
        """Whether the support was the family's own."""
        return bool(self.runs[0].request["support"] == "own")

    @property
    def ks(self) -> list[int]:
        """Support sizes that every seed was run at."""
        return sorted(set.intersection(*(run.ks for run in self.runs)))

    @property
    def common_draws(self) -> int:
        """Draws that count: no seed was run with fewer."""
        least = min(int(run.request["draws"]) for run in self.runs)
        return least if self.draws is None else min(least, self.draws)

    def cut(self, seeds: Collection[int], draws: int) -> Measured:
        """With these seeds and the first so many draws alone."""
        return replace(self, runs=tuple(run for run in self.runs if run.seed in seeds), draws=draws)

    def errors(self, metric: str, k: int, query: str = "all") -> dict[str, np.ndarray]:
        """Family → errors [seeds] on a subset of the query, means over draws; families of every seed."""
        each = [self._errors(run, metric, k, query) for run in self.runs]
        families = set.intersection(*(set(of) for of in each))
        return {family: np.array([of[family] for of in each]) for family in sorted(families)}

    def _errors(self, run: Run, metric: str, k: int, query: str) -> dict[str, float]:
        here = {task.family_id for task in run.split.test if task.level == self.level}
        found, draws = defaultdict(list), self.common_draws
        for e in run.episodes:
            counted = e.k == k and e.family_id in here and e.draw < draws
            if counted and metric in (errors := e.metrics.get(query, {})):
                found[e.family_id].append(errors[metric])
        return {family: float(np.mean(values)) for family, values in found.items()}

    def failures(self, k: int) -> int:
        """Episodes in which the method failed."""
        here = {task.family_id for task in self.runs[0].split.test if task.level == self.level}
        return sum(e.failed and e.k == k and e.family_id in here for run in self.runs for e in run.episodes)


def measured(runs: Sequence[Run]) -> list[Measured]:
    """The runs by split, method and level, seeds together.

    Raises:
        SystemExit: two runs differ in nothing that tells them apart.
    """
    found: dict[tuple[str, str, str], dict[int, Run]] = defaultdict(dict)
    for run in runs:
        for level in run.levels:
            seeds = found[run.split.name, run.name, level]
            if run.seed in seeds:
                at = f" at {level}" if level else ""
                raise SystemExit(f"two runs of {run.name} on {run.split.name}{at} have seed {run.seed}")
            seeds[run.seed] = run
    return [
        Measured(level, tuple(seeds[seed] for seed in sorted(seeds)))
        for (_, _, level), seeds in found.items()
    ]
