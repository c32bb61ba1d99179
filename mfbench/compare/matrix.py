"""Scores, gains, the transfer matrix and training curves of a campaign, from its records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from mfbench.compare.comparison import Curve, Gain, Power, Score, Transfer, bounds
from mfbench.compare.contrast import contrast, mean_error, smallest_shown
from mfbench.compare.record import RECORDED, Record
from mfbench.protocol.catalogue import reference_lines
from mfbench.protocol.protocol import Budget

__all__ = ["curves", "gains", "groups_of_runs", "power", "scores", "transfer"]

Key = tuple[str, str, str]
"""trained on (the split itself for methods without training), tested on, method."""


def groups_of_runs(records: Iterable[Record], support: str = "own") -> dict[Key, list[Record]]:
    """Seeds of one method: what was trained on all families, with all their configurations.

    Another architecture than MACE, another model than the nano one, and another budget than the standard
    track's make a method of its own.
    """
    found: dict[Key, list[Record]] = defaultdict(list)
    for record in records:
        if record.support != support or _narrow(record) or record.fold != "test":
            continue
        marks = [record.arch or ""] * (record.arch not in (None, "mace"))
        marks += [record.model] * (record.model != "nano")
        marks += [f"{record.steps} steps"] * (record.steps != Budget().steps)
        trained = record.trained.construction if record.trained else record.split
        found[trained, record.split, ", ".join([record.method, *marks])].append(record)
    return dict(found)


def _narrow(record: Record) -> bool:
    return record.trained is not None and bool(record.trained.families or record.trained.configurations)


def scores(records: Sequence[Record]) -> list[Score]:
    """Errors of every method that was trained on what it is tested on, for every K and metric."""
    return [
        Score(construction=test, method=method, k=k, metric=metric, **bounds(value))
        for (train, test, method), runs in sorted(groups_of_runs(records).items())
        if train == test
        for metric in RECORDED
        for k in runs[0].ks
        if (value := mean_error(runs, metric, k))
    ]


def gains(records: Sequence[Record]) -> list[Gain]:
    """What the labels of the family itself taught: against no labels, and against another family's."""
    own, wrong = groups_of_runs(records), groups_of_runs(records, "wrong-family")
    found = []
    for (train, test, method), runs in sorted(own.items()):
        if train != test:
            continue
        others = wrong.get((train, test, method), [])
        for metric in RECORDED:
            for k in (k for k in runs[0].ks if k > 0):
                pairs = [("adaptation", runs, runs, 0)] if 0 in runs[0].ks else []
                pairs += [("wrong-family", others, runs, k)]
                for kind, top, bottom, k_top in pairs:
                    if top and bottom and (value := contrast(top, bottom, metric, k, k_top=k_top)):
                        named: dict[str, Any] = {
                            "construction": test,
                            "method": method,
                            "k": k,
                            "metric": metric,
                        }
                        found.append(Gain(**named, kind=kind, **bounds(value)))
    return found


def power(records: Sequence[Record]) -> list[Power]:
    """What differences each construction's tests can show, over the methods that were trained on it."""
    runs: dict[str, dict[str, list[Record]]] = defaultdict(dict)
    for (train, test, method), found in sorted(groups_of_runs(records).items()):
        if train == test and found[0].method not in reference_lines():
            runs[test][method] = found
    rows = []
    for construction, methods in runs.items():
        for metric in RECORDED:
            for k in sorted({k for found in methods.values() for k in found[0].ks}):
                having = [found for found in methods.values() if all(k in r.ks for r in found)]
                pairs = (smallest_shown(a, b, metric, k) for a, b in combinations(having, 2))
                shown = [ratio for ratio in pairs if ratio is not None and ratio != float("inf")]
                if shown:
                    ratio = round(float(np.median(shown)), 4)
                    rows.append(Power(construction=construction, k=k, metric=metric, ratio=ratio))
    return rows


def transfer(records: Sequence[Record], metric: str, k: int) -> list[Transfer]:
    """Every method that was tested away from home, and beside it at home."""
    found = groups_of_runs(records)
    travelled = {method for train, test, method in found if train != test}
    rows = []
    for (train, test, method), runs in sorted(found.items()):
        value = mean_error(runs, metric, k)
        if method not in travelled or value is None or not runs[0].trained:
            continue
        home = found.get((test, test, method), [])
        ratio = contrast(runs, home, metric, k) if home and train != test else None
        rows.append(
            Transfer(
                trained_on=train,
                tested_on=test,
                method=method,
                k=k,
                metric=metric,
                n_families=len(set.intersection(*(set(r.per_family(metric, k)) for r in runs))),
                **bounds(value),
                **({f"ratio{n}": v for n, v in _suffixed(bounds(ratio)).items()} if ratio else {}),
            )
        )
    return rows


def _suffixed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"": values["value"], "_lo": values["lo"], "_hi": values["hi"]}


def curves(
    records: Sequence[Record], metric: str, k: int, totals: Mapping[str, tuple[int, int]]
) -> list[Curve]:
    """Error against the number of training families, and against configurations per family.

    Args:
        records: all of them; those that trained on less give the points, full runs the last one.
        metric, k: what is shown.
        totals: construction → families and configurations per family of its whole train fold.
    """
    runs: dict[tuple[str, str, str, int], list[Record]] = defaultdict(list)
    for record in records:
        trained = record.trained
        if trained and record.support == "own" and trained.construction == record.split and _narrow(record):
            over, n = ("families", trained.families) if trained.families else (
                "configurations", trained.configurations,
            )  # fmt: skip
            runs[record.split, record.method, over, n].append(record)
    whole = groups_of_runs(records)
    for split, method, over, n in list(runs):
        seeds = {r.trained.seed for r in runs[split, method, over, n] if r.trained}
        full = [r for r in whole.get((split, split, method), []) if r.trained and r.trained.seed in seeds]
        if full and split in totals:
            runs[split, method, over, totals[split][over == "configurations"]] = full
    return [
        Curve(construction=split, method=method, over=over, n=n, k=k, metric=metric, **bounds(value))
        for (split, method, over, n), found in sorted(runs.items())
        if (value := mean_error(found, metric, k))
    ]
