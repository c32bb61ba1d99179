"""The search: rounds of random trials, as many for every method, journalled, with ranges that move.

Forces and energies within fragments decide: the mean logarithm of both over the support sizes. Total
energies, which an offset explains for the most part, are reported.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mfbench
from mfbench.data.split import Split
from mfbench.protocol.catalogue import start_of
from mfbench.protocol.protocol import Budget, Track
from mfbench.work.journal import Journal, open_journal
from mfbench_campaign.tuning.space import Space, extended, setting_of, space_of

__all__ = ["Search", "records_of", "run_search"]

DECIDE = ("force_rmse", "energy_rmse_within")
REPORT = (*DECIDE, "energy_rmse")
Trial = dict[str, Any]


@dataclass(frozen=True)
class Search:
    """What is searched, and how hard.

    Attributes:
        split: on its validation families.
        track: ``standard`` or ``converged``.
        methods: all get the same number of trials.
        arch, backend: of the networks.
        starts: path of a checkpoint, ``{method}`` standing for that whose start it is; empty: embedded.
        trials: per method and round.
        rounds: after each, ranges move where the best is at an end.
        ks, draws, families: episodes of a trial; 0 families: all.
        steps: of an adaptation; 0: what the track allows.
        seed: of the draws.
    """

    split: str
    track: Track
    methods: tuple[str, ...]
    arch: str = "mace"
    backend: str = "jax"
    starts: str = ""
    trials: int = 12
    rounds: int = 2
    ks: tuple[int, ...] = (10, 50)
    draws: int = 1
    families: int = 0
    steps: int = 0
    seed: int = 0

    @property
    def budget(self) -> Budget:
        """What a trial's adaptations may spend."""
        most = self.track.budget or Budget()
        return Budget(self.steps or most.steps, most.batch)

    def space(self, method: str) -> Space:
        """The ranges of the first round; ``scratch`` may take 2,000 steps on every track."""
        most = Track.CONVERGED.budget
        steps = self.budget.steps if self.steps or method != "scratch" or not most else most.steps
        return space_of(method, self.track, steps)

    def request(self, split: Split) -> dict[str, Any]:
        """What the journal is known by."""
        fields = {k: v for k, v in vars(self).items() if k not in ("methods", "rounds")}
        return {**fields, "data_hash": split.manifest.data_hash}

    def checkpoint(self, method: str) -> str | None:
        """Where its start lies; None: embedded, or it has none."""
        if not self.starts or method == "scratch":
            return None
        return self.starts.replace("{method}", start_of(method))


def run_search(search: Search, folder: Path, minutes: float = float("inf")) -> tuple[dict[str, Any], bool]:
    """Go on with a search.

    Returns:
        The record of what is finished, and whether all is.

    Raises:
        WorkError: the folder holds another search.
    """
    split, end = mfbench.load_split(search.split), time.monotonic() + 60.0 * minutes
    with open_journal(folder, search.request(split), resume=True, suffix=".trial.json") as journal:
        for number in range(search.trials * search.rounds):
            for method in search.methods:
                if journal.holds(_key(method, number)):
                    continue
                if time.monotonic() > end:
                    return records_of(search, journal, split), False
                setting = setting_of(_space(search, journal, method, number), number, search.seed)
                found = _trial(search, split, method, setting)
                journal.add(_key(method, number), json.dumps(found).encode())
                line = {name: found[name] for name in found if "@" in name}
                print(f"{method} {number}: {found['score']:.4f} {line}", flush=True)
        return records_of(search, journal, split), True


def score_of(trial: Mapping[str, Any]) -> float:
    """What decides; a trial that diverged is last."""
    score = float(trial["score"])
    return score if math.isfinite(score) else math.inf


def records_of(search: Search, journal: Journal, split: Split) -> dict[str, Any]:
    """Every method's trials, its best and its median, and whether the best is at an edge."""
    methods = {}
    for method in search.methods:
        trials = _finished(journal, method, search.trials * search.rounds)
        if not trials:
            continue
        ordered = sorted(trials, key=score_of)
        best, median = ordered[0], ordered[(len(ordered) - 1) // 2]
        space = _space(search, journal, method, len(trials) - 1)
        methods[method] = {
            "chosen": best["settings"],
            "best": _errors(best),
            "median": _errors(median),
            "edges": space.edges(best["settings"]),
            "failures": sum(int(trial["failures"]) for trial in trials),
            "trials": trials,
        }
    return {**search.request(split), "fold": "validation", "methods": methods}


def _space(search: Search, journal: Journal, method: str, number: int) -> Space:
    """The ranges that a trial is drawn from: those of its round, after what the rounds before it found."""
    space = search.space(method)
    for done in range(search.trials, number - number % search.trials + 1, search.trials):
        trials = _finished(journal, method, done)
        space = extended(space, min(trials, key=score_of)["settings"])
    return space


def _trial(search: Search, split: Split, method: str, setting: Mapping[str, Any]) -> Trial:
    began = time.process_time()
    results = mfbench.evaluate(
        method,
        split,
        ks=search.ks,
        draws=search.draws,
        fold="validation",
        families=_families(search, split),
        track=search.track,
        budget=search.budget,
        backend=search.backend,
        arch=search.arch,
        checkpoint=search.checkpoint(method),
        options=dict(setting),
    )
    errors = {f"{m}@{k}": round(results.value(m, k), 4) for m in REPORT for k in search.ks}
    decide = [errors[f"{m}@{k}"] for m in DECIDE for k in search.ks]
    return {
        "settings": dict(setting),
        "score": round(float(np.mean(np.log(decide))), 5),
        **errors,
        "gradients": sum(row.gradient_evaluations for row in results.episodes),
        "failures": len(results.failures),
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def _families(search: Search, split: Split) -> list[str] | None:
    names = [task.family_id for task in split.validation]
    if not search.families or search.families >= len(names):
        return None
    return names[:: len(names) // search.families][: search.families]


def _finished(journal: Journal, method: str, count: int) -> Sequence[Trial]:
    """The first trials of a method, in order, as far as they are there."""
    found: dict[str, Trial] = journal.read(json.loads)
    keys = [_key(method, number) for number in range(count)]
    return [found[key] for key in keys if key in found]


def _errors(trial: Trial) -> dict[str, float]:
    return {name: value for name, value in trial.items() if "@" in name}


def _key(method: str, number: int) -> str:
    return f"{method}/{number:04d}"
