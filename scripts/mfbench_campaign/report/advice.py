"""What to use tomorrow."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.text import markdown
from mfbench.metrics.statistics import bootstrap_mean, ratio
from mfbench_campaign.headline import SHOWN
from mfbench_campaign.records import CONSTRUCTIONS, METHODS, SECOND_METHODS, Records
from mfbench_campaign.report.level_finding import FEW, LEVELS, MANY
from mfbench_campaign.report.tables import NOT_RUN, shown
from mfbench_campaign.run_table.seed_tables import same_seeds, seed_table

__all__ = ["BUDGETS", "what_to_use"]

QUERIES = ("seen", "unseen")
BUDGETS = {"": "", "2000-steps": ", 2,000 steps"}
"""Mark of a record → what it adds to a method's name."""


def what_to_use(records: Records, levels: Mapping[str, Any]) -> str:
    """The method of least force error by construction, K and whether the support shows the molecule;
    those whose ratio to it has an interval that holds 1 are named too.

    Args:
        levels: ``results/levels.json``.
    """
    head = ["construction", "K", "seen molecules", "other molecules"]
    rows = [
        [f"`levels`, {called}", str(k), *(_best_at(levels, level, k, query) for query in QUERIES)]
        for (level, called), k in product(LEVELS.items(), (FEW, MANY))
        if any(row["level"] == level for row in levels["rows"])
    ]
    rows += [
        [f"`{where}`", str(k), *(_best(records, where, k, query) for query in QUERIES)]
        for where, k in product(CONSTRUCTIONS, SHOWN)
    ]
    return markdown(head, rows)


def _best_at(levels: Mapping[str, Any], level: str, k: int, query: str) -> str:
    """The same from the rows of ``levels``; controls do not count."""
    found = {
        row["method"]: row["errors_of_families"]["force_rmse"][query]
        for row in levels["rows"]
        if (row["level"], row["k"]) == (level, k) and "wrong-level" not in row["method"]
    }
    group = levels["groups"]["levels"]
    best = min(found, key=lambda method: float(np.mean(list(found[method].values()))))
    families = sorted(found[best])
    groups = np.array([group[f] for f in families])
    line = seed_table(found[best], families)
    near = [
        f"`{method}`"
        for method, errors in found.items()
        if method != best and ratio(*same_seeds(seed_table(errors, families), line), groups).lo <= 1
    ]
    alike = f"; not told apart: {', '.join(near)}" if near else ""
    return f"`{best}` {shown(bootstrap_mean(line, groups, least=0.0))}{alike}"


def _best(records: Records, where: str, k: int, query: str) -> str:
    ran, found = {}, {}
    for method, (mark, words) in product((*METHODS, *SECOND_METHODS), BUDGETS.items()):
        runs = [r for r in records.seeds(where, method, mark) if k in r.ks]
        if runs and (value := mean_error(runs, "force_rmse", k, query)):
            ran[f"`{method}`{words}"], found[f"`{method}`{words}"] = runs, value
    if not found:
        return NOT_RUN
    best = min(found, key=lambda name: found[name].value)
    near = [
        name
        for name, runs in ran.items()
        if name != best
        and (value := contrast(runs, ran[best], "force_rmse", k, query=query))
        and value.lo <= 1
    ]
    alike = f"; not told apart: {', '.join(near)}" if near else ""
    return f"{best} {shown(found[best])}{alike}"
