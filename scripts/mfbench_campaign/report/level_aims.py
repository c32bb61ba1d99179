"""What was aimed at on ``levels``, and what was measured there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mfbench.compare.text import interval
from mfbench.metrics.statistics import Interval, bootstrap_mean, ratio, smallest_ratio
from mfbench_campaign.report.level_finding import FEW, LEVELS, MANY, META, STARTS, seeds_in_words
from mfbench_campaign.report.tables import NAMES, NOT_RUN, shown
from mfbench_campaign.run_table.seed_tables import Errors, same_seeds, seed_table

__all__ = ["Beside", "beside_rivals", "energy_aim", "level_aims", "over_scratch_aim", "ratio_of_rows"]

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
    found = [_gain(record, level) for level in GAINS]
    found.append(energy_aim(record))
    found.append(_forces(_rows(record)))
    found += [over_scratch_aim(record, level, k) for level, k in (("wb97x-d", MANY), ("pm7", FEW))]
    found += [_meta(record, level) for level in LEVELS]
    return found


def _rows(record: Mapping[str, Any]) -> Rows:
    return {(r["level"], r["method"], r["k"]): r for r in record["rows"]}


def _groups(record: Mapping[str, Any]) -> Mapping[str, int]:
    groups: Mapping[str, int] = record["groups"]["levels"] if record["rows"] else {}
    return groups


def _gain(record: Mapping[str, Any], level: str) -> list[str]:
    title = f"`levels`, {LEVELS[level]}: forces of `pretrain`, K = 0 ÷ K = {MANY}, at least {GAINS[level]}"
    for gain in record["gains"]:
        if (gain["method"], gain["level"], gain["k"]) == ("pretrain", level, MANY):
            value = gain["force_ratio"]
            return [title, interval(*value), _met(value[1] >= GAINS[level], value[0] >= GAINS[level])]
    return [title, NOT_RUN, "–"]


def _met(surely: bool, likely: bool) -> str:
    return "met" if surely else "met, but the interval reaches below" if likely else "not met"


def energy_aim(record: Mapping[str, Any]) -> list[str]:
    """Energy at the DFT level with many labels, on molecules of the support: aim, value, verdict."""
    rows, group, level = _rows(record), _groups(record), "wb97x-d"
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


def _mean(errors: Errors, group: Mapping[str, int]) -> Interval:
    families = sorted(errors)
    groups = np.array([group[f] for f in families])
    return bootstrap_mean(seed_table(errors, families), groups, least=0.0)


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


def over_scratch_aim(
    record: Mapping[str, Any], level: str, k: int, among: Sequence[str] = STARTS
) -> list[str]:
    """Errors of ``scratch`` ÷ those of the best start ``among`` some at a level: aim, value, verdict."""
    rows, group = _rows(record), _groups(record)
    title = f"`levels`, {LEVELS[level]}: `scratch` ÷ best start at K = {k}, at least {OVER_SCRATCH}"
    scratch = rows.get((level, "scratch", k))
    starts = [row for m in among if (row := rows.get((level, m, k)))]
    if scratch is None or not starts:
        return [title, NOT_RUN, "–"]
    best = min(starts, key=lambda row: float(row["force_rmse"][0]))
    values = {m: ratio_of_rows(scratch, best, m, group) for m in NAMES}
    each = ", ".join(f"{NAMES[m]} {shown(value)}" for m, value in values.items())
    met = all(value.lo >= OVER_SCRATCH for value in values.values())
    return [title, f"`{best['method']}`: {each}", "met" if met else "not met"]


def ratio_of_rows(top: Any, bottom: Any, metric: str, group: Mapping[str, int]) -> Interval:
    """Errors of one row of ``results/levels.json`` ÷ those of another, over the families that both have."""
    return ratio(*_paired(top, bottom, metric, group))


def _paired(
    top: Any, bottom: Any, metric: str, group: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors [seeds, families] of both on the families that both have, and these families' groups."""
    above, below = (row["errors_of_families"][metric]["all"] for row in (top, bottom))
    families = sorted(above.keys() & below.keys())
    tables = same_seeds(seed_table(above, families), seed_table(below, families))
    return (*tables, np.array([group[f] for f in families]))


def _meta(record: Mapping[str, Any], level: str) -> list[str]:
    said = beside_rivals(record, level)
    longer = [m for m in LONGER if said and (level, m, FEW) in _rows(record)]
    rivals = ", ".join(f"`{name}`" for name in (*RIVALS, *longer))
    title = (
        f"`levels`, {LEVELS[level]}: a meta-learner better than {rivals} at K = {FEW}, interval without 1"
    )
    if not said:
        return [title, NOT_RUN, "–"]
    return [title, "; ".join(b.text for b in said), "met" if any(b.won for b in said) else "not met"]


class Beside(NamedTuple):
    """A meta-learner beside its rivals, in forces with few labels.

    Attributes:
        method, text: its name, and all of it in words.
        values: rival → its errors ÷ the meta-learner's.
        ratios: the same in words.
        least: the ratio that would show in four of five cases, of the rival that is told from it worst.
        won: whether every interval lies above 1.
    """

    method: str
    text: str
    values: Mapping[str, Interval]
    ratios: str
    least: float
    won: bool


def beside_rivals(record: Mapping[str, Any], level: str) -> list[Beside]:
    """Every meta-learner at a level beside ``RIVALS``, and beside longer training if that was run."""
    rows, group = _rows(record), _groups(record)
    lines = [row for m in RIVALS if (row := rows.get((level, m, FEW)))]
    if len(lines) < len(RIVALS):
        return []
    lines += [row for m in LONGER if (row := rows.get((level, m, FEW)))]
    return [_beside(row, lines, group) for m in META if (row := rows.get((level, m, FEW)))]


def _beside(learner: Any, lines: Sequence[Any], group: Mapping[str, int]) -> Beside:
    pairs = {line["method"]: _paired(line, learner, "force_rmse", group) for line in lines}
    values = {name: ratio(*pair) for name, pair in pairs.items()}
    ratios = ", ".join(f"`{name}` ÷ it {shown(value)}" for name, value in values.items())
    least = max(smallest_ratio(*pair) for pair in pairs.values())
    name = learner["method"]
    text = f"`{name}` ({seeds_in_words(learner['seeds'])}): {ratios}; {least:.2f} would show"
    return Beside(name, text, values, ratios, least, all(value.lo > 1 for value in values.values()))
