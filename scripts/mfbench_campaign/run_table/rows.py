"""What methods reached at a level of theory, over their families and seeds, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from mfbench.metrics.statistics import bootstrap_mean, ratio
from mfbench.results.score_run import family_groups
from mfbench_campaign.run_table.kept import METRICS, QUERIES
from mfbench_campaign.run_table.runs import Measured, Run
from mfbench_campaign.run_table.seed_tables import same_seeds

__all__ = ["LINE", "gains_of", "groups_of", "ratios_of", "rows_of", "starts_of"]

LINE = "pretrain"
"""What every other method is divided by."""
Row = dict[str, Any]


def rows_of(methods: Sequence[Measured]) -> list[Row]:
    """One row per method, level and K: errors with 95 % intervals over families and seeds, and failures."""
    return [_row(method, k) for method in methods for k in method.ks]


def _row(method: Measured, k: int) -> Row:
    errors = {metric: method.errors(metric, k) for metric in METRICS}
    first = method.runs[0]
    return {
        "split": first.split.name,
        "level": method.level,
        "method": method.name,
        "moving": first.moving,
        "track": first.request["track"],
        "k": k,
        "draws": method.common_draws,
        "seeds": len(method.runs),
        "families": len(errors["force_rmse"]),
        "failed": method.failures(k),
        "errors_of_families": {
            metric: {query: _plain(method.errors(metric, k, query)) for query in QUERIES}
            for metric in METRICS
        },
        **{metric: _mean(method, found) for metric, found in errors.items() if found},
    }


def _plain(errors: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Family → error of each seed, to six digits."""
    return {family: [float(f"{value:.6g}") for value in values] for family, values in errors.items()}


def _mean(method: Measured, errors: dict[str, np.ndarray]) -> list[float | None]:
    """Mean over families and seeds with its interval; the interval of a single family is None."""
    mean = bootstrap_mean(_table(errors, sorted(errors)), _groups(method, sorted(errors)), least=0.0)
    return [float(value) if np.isfinite(value) else None for value in mean]


def _table(errors: dict[str, np.ndarray], families: Sequence[str]) -> np.ndarray:
    """[seeds, families]."""
    return np.stack([errors[family] for family in families], axis=1)


def _groups(method: Measured, families: Sequence[str]) -> np.ndarray:
    of = family_groups(method.runs[0].split, families)
    return np.array([of[family] for family in families])


def gains_of(methods: Sequence[Measured]) -> list[Row]:
    """Force error at K = 0 ÷ at the largest K; nothing where only one was run or no label moves a force."""
    found = []
    for method in methods:
        first, last = min(method.ks), max(method.ks)
        before, after = (method.errors("force_rmse", k) for k in (first, last))
        if first == 0 < last and any(not np.allclose(before[f], after[f], rtol=1e-6) for f in before):
            values = _ratio(method, before, after)
            found.append({"method": method.name, "level": method.level, "k": last, "force_ratio": values})
    return found


def _ratio(method: Measured, top: dict[str, np.ndarray], bottom: dict[str, np.ndarray]) -> list[float]:
    """Geometric mean of a ratio over the families that both have, and seeds."""
    families = sorted(top.keys() & bottom.keys())
    tables = same_seeds(_table(top, families), _table(bottom, families))
    return list(ratio(*tables, _groups(method, families)))


def ratios_of(methods: Sequence[Measured]) -> list[Row]:
    """Errors of every method ÷ those of ``LINE``, both with their own labels; seeds and draws of both."""
    found = []
    for method, line in _pairs(methods):
        for k in sorted(set(method.ks) & set(line.ks) - {0}):
            both = method, line
            pairs = {metric: [m.errors(metric, k) for m in both] for metric in METRICS}
            values = {metric: _ratio(method, *pair) for metric, pair in pairs.items() if all(pair)}
            found.append({"method": method.name, "level": method.level, "k": k, **values})
    return found


def _pairs(methods: Sequence[Measured]) -> Iterator[tuple[Measured, Measured]]:
    """Methods and the line at the same level of the same split, cut to the draws and the seeds of both; a
    single seed stands beside every seed of the other."""
    for method, line in product(methods, (m for m in methods if m.name == LINE)):
        if method is not line and method.where == line.where and method.own_labels:
            each = [{run.seed for run in m.runs} for m in (method, line)]
            seeds = set.union(*each) if 1 in map(len, each) else set.intersection(*each)
            counts = {m.common_draws for m in (method, line)}
            draws = min(counts)
            if len(counts) > 1 and any(run.averaged for m in (method, line) for run in m.runs):
                continue  # the draws that both have cannot be told
            if seeds:
                yield method.cut(seeds, draws), line.cut(seeds, draws)


def groups_of(runs: Sequence[Run]) -> dict[str, dict[str, int]]:
    """Split → family → bootstrap group: families that are not independent share one."""
    splits = {run.split.name: run.split for run in runs}
    return {
        name: family_groups(split, [task.family_id for task in split.test])
        for name, split in splits.items()
    }


def starts_of(methods: Sequence[Measured]) -> list[Row]:
    """How the start of each method was trained, of those that were; ``offset`` and ``ridge`` share one."""
    found: dict[str, Row] = {}
    for method in methods:
        first = method.runs[0]
        if first.phases and method.own_labels:
            gradients = sum(phase["gradients"] for phase in first.phases)
            row = {"method": method.name, "gradients": gradients, "phases": first.phases}
            found.setdefault(method.name, row)
    return list(found.values())
