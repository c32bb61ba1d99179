"""Errors on fragments from outside entries, against those claimed for the family's held-out fragments.

The molecules differ, so nothing is paired: a family's error on the one kind is divided by that on the
other, and the interval is over families. Weights that were fitted to the split's own fragments show here.
It does not enter the verdict: other molecules may be harder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mfbench.data.split import Task
from mfbench.metrics.errors import METRICS
from mfbench.metrics.statistics import groups_of, ratio
from mfbench.store.fresh_test.record import OutsideComparison

__all__ = ["compare_outside"]


def compare_outside(
    claimed: Mapping[tuple[str, str], Mapping[str, float]],
    fresh: Mapping[tuple[str, str], Mapping[str, float]],
    tasks: Sequence[Task],
    outside: Mapping[str, Collection[str]],
    k: int,
    metrics: Sequence[str],
) -> list[OutsideComparison]:
    """Every metric, over the families that have both.

    Args:
        claimed, fresh: (family, fragment) → metric → mean square error.
        tasks: the families.
        outside: family → its fragments from outside entries.
        k: size of the support.
        metrics: what is compared.
    """
    kinds = [
        (task, claimed_rows, fresh_rows)
        for task in tasks
        if (claimed_rows := _rows(claimed, task.family_id, {c.fragment_id for c in task.heldout}))
        and (fresh_rows := _rows(fresh, task.family_id, outside.get(task.family_id, ())))
    ]
    if not kinds:
        return []
    groups = groups_of([task.clusters for task, _, _ in kinds])
    found = []
    for metric in metrics:
        one = np.array([_rmse(rows, metric) for _, rows, _ in kinds])
        two = np.array([_rmse(rows, metric) for _, _, rows in kinds])
        value, *bounds = ratio(two, one, groups)
        lo, hi = (float(x) if np.isfinite(x) else None for x in bounds)
        unit = METRICS[metric].unit
        means = {"claimed_heldout": float(one.mean()), "fresh": float(two.mean())}
        found.append(
            OutsideComparison(metric=metric, k=k, unit=unit, **means, ratio=value, ratio_ci95=(lo, hi))
        )
    return found


def _rows(
    errors: Mapping[tuple[str, str], Mapping[str, float]], family: str, fragments: Collection[str]
) -> list[Mapping[str, float]]:
    return [errors[family, name] for name in sorted(fragments) if (family, name) in errors]


def _rmse(rows: Sequence[Mapping[str, float]], metric: str) -> float:
    return float(np.sqrt(np.mean([row[metric] for row in rows])))
