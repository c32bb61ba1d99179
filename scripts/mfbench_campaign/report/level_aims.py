"""What was aimed at on ``levels``, and what was measured there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfbench.compare.text import interval
from mfbench.metrics.statistics import Interval, bootstrap_mean, ratio
from mfbench_campaign.report.level_finding import FEW, LEVELS, MANY, META, STARTS
from mfbench_campaign.report.tables import NAMES, NOT_RUN, shown

__all__ = ["level_aims"]

GAINS = {"pm7": 2.2, "wb97x-d": 1.6}
"""Level → force error of ``pretrain`` without labels ÷ with 40, at least."""
ENERGY, FORCES, OVER_SCRATCH = 1.5, 2.0, 3.3
"""kcal/mol on seen molecules at the DFT level; kcal/mol/Å at PM7, 10 labels; ``scratch`` ÷ best start."""
RIVALS = ("offset", "pretrain", "multihead")
LONGER = ("pretrain, longer", "multihead, longer")
"""As many more gradients without an inner loop as meta-learners had with one; rivals if they were run."""
Rows = Mapping[tuple[str, str, int], Any]
"""(level, method, K) → row."""


def level_aims(record: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the table of aims.

    Args:
        record: ``results/levels.json``, which ``scripts/run_table.py`` wrote.
    """
    rows = {(r["level"], r["method"], r["k"]): r for r in record["rows"]}
    group = record["groups"]["levels"] if record["rows"] else {}
    found = [_gain(record, level) for level in GAINS]
    found.append(_energy(rows, group))
    found.append(_forces(rows))
    found += [_over_scratch(rows, group, level, k) for level, k in (("wb97x-d", MANY), ("pm7", FEW))]
    found += [_meta(rows, group, level) for level in LEVELS]
    return found


def _gain(record: Mapping[str, Any], level: str) -> list[str]:
    title = f"`levels`, {LEVELS[level]}: forces of `pretrain`, K = 0 ÷ K = {MANY}, at least {GAINS[level]}"
    for gain in record["gains"]:
        if (gain["method"], gain["level"], gain["k"]) == ("pretrain", level, MANY):
            value = gain["force_ratio"]
            return [title, interval(*value), _met(value[1] >= GAINS[level], value[0] >= GAINS[level])]
    return [title, NOT_RUN, "–"]


def _met(surely: bool, likely: bool) -> str:
    return "met" if surely else "met, but the interval reaches below" if likely else "not met"


def _energy(rows: Rows, group: Mapping[str, int]) -> list[str]:
    level = "wb97x-d"
    title = f"`levels`, {LEVELS[level]}: energy on seen molecules at K = {MANY} below {ENERGY} kcal/mol"
    options = {
        m: _mean(row["errors_of_families"]["energy_rmse"]["seen"], group)
        for m in STARTS
        if (row := rows.get((level, m, MANY)))
    }
    if not options:
        return [title, NOT_RUN, "–"]
    best = min(options, key=lambda m: options[m].value)
    return [title, f"{shown(options[best])} (`{best}`)", "met" if options[best].hi < ENERGY else "not met"]


def _mean(errors: Mapping[str, float], group: Mapping[str, int]) -> Interval:
    families = sorted(errors)
    groups = np.array([group[f] for f in families])
    return bootstrap_mean(np.array([errors[f] for f in families]), groups, least=0.0)


def _forces(rows: Rows) -> list[str]:
    title = f"`levels`, {LEVELS['pm7']}: forces at K = {FEW} at most {FORCES} kcal/mol/Å"
    options = {m: row["force_rmse"] for m in STARTS if (row := rows.get(("pm7", m, FEW)))}
    if not options:
        return [title, NOT_RUN, "–"]
    best = min(options, key=lambda m: options[m][0])
    return [
        title,
        f"{interval(*options[best])} (`{best}`)",
        "met" if options[best][2] <= FORCES else "not met",
    ]


def _over_scratch(rows: Rows, group: Mapping[str, int], level: str, k: int) -> list[str]:
    title = f"`levels`, {LEVELS[level]}: `scratch` ÷ best start at K = {k}, at least {OVER_SCRATCH}"
    scratch = rows.get((level, "scratch", k))
    starts = [row for m in STARTS if (row := rows.get((level, m, k)))]
    if scratch is None or not starts:
        return [title, NOT_RUN, "–"]
    best = min(starts, key=lambda row: float(row["force_rmse"][0]))
    values = {m: _ratio(scratch, best, m, group) for m in NAMES}
    each = ", ".join(f"{NAMES[m]} {shown(value)}" for m, value in values.items())
    met = all(value.lo >= OVER_SCRATCH for value in values.values())
    return [title, f"`{best['method']}`: {each}", "met" if met else "not met"]


def _ratio(top: Any, bottom: Any, metric: str, group: Mapping[str, int]) -> Interval:
    above, below = (row["errors_of_families"][metric]["all"] for row in (top, bottom))
    families = sorted(above.keys() & below.keys())
    tops, bottoms, groups = (np.array([of[f] for f in families]) for of in (above, below, group))
    return ratio(tops, bottoms, groups)


def _meta(rows: Rows, group: Mapping[str, int], level: str) -> list[str]:
    rivals = ", ".join(f"`{name}`" for name in RIVALS)
    title = (
        f"`levels`, {LEVELS[level]}: a meta-learner better than {rivals} at K = {FEW}, interval without 1"
    )
    learners = [row for m in META if (row := rows.get((level, m, FEW)))]
    lines = [row for m in RIVALS if (row := rows.get((level, m, FEW)))]
    if not learners or len(lines) < len(RIVALS):
        return [title, NOT_RUN, "–"]
    lines += [row for m in LONGER if (row := rows.get((level, m, FEW)))]
    said = [_beside(learner, lines, group) for learner in learners]
    return [title, "; ".join(text for text, _ in said), "met" if any(won for _, won in said) else "not met"]


def _beside(learner: Any, lines: Sequence[Any], group: Mapping[str, int]) -> tuple[str, bool]:
    """Force errors of every rival ÷ those of a learner, and whether it beats all of them."""
    values = {line["method"]: _ratio(line, learner, "force_rmse", group) for line in lines}
    each = ", ".join(f"`{name}` ÷ it {shown(value)}" for name, value in values.items())
    return f"`{learner['method']}`: {each}", all(value.lo > 1 for value in values.values())
