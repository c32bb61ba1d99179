"""What the records say in plain words. Every number is computed; every verdict follows from an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from campaign_parts.select import CONSTRUCTIONS, LEARNERS, Records
from campaign_parts.tables import NAMES, shown
from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.record import METRICS
from mfbench.compare.text import markdown
from mfbench.statistics import Interval

__all__ = ["aims", "headline_finding", "rows_that_beat"]


def rows_that_beat(records: Records, construction: str, k: int, lines: Sequence[str]) -> list[str]:
    """``method (error)`` of every learner that is better than all ``lines`` there: intervals exclude 1."""
    found = []
    for method in LEARNERS:
        mine = records.seeds(construction, method)
        if not mine or k not in mine[0].ks:
            continue
        for metric in METRICS:
            against = [contrast(records.seeds(construction, line), mine, metric, k) for line in lines]
            if all(value is not None and value.lo > 1 for value in against):
                worst = min(against, key=lambda value: value.value)
                found.append(
                    f"`{method}` in {NAMES[metric]} ({lines[against.index(worst)]} ÷ it {shown(worst, 3)})"
                )
    return found


def nearest(records: Records, construction: str, k: int, line: str) -> tuple[str, str, Interval] | None:
    """The learner whose ratio to ``line`` is largest in forces: method, error, ratio."""
    options = []
    for method in LEARNERS:
        mine, theirs = records.seeds(construction, method), records.seeds(construction, line)
        if mine and theirs and k in mine[0].ks:
            options.append((method, "forces", contrast(theirs, mine, "force_rmse", k)))
    return max(options, key=lambda option: option[2].value, default=None)


def headline_finding(records: Records) -> str:
    """Whether a meta-learner beats both fine-tuning and the closed-form correction."""
    ran = [c for c in CONSTRUCTIONS if any(records.seeds(c, m) for m in LEARNERS)]
    parts = []
    for k in (10, 50):
        better = {c: rows_that_beat(records, c, k, ("pretrain", "offset")) for c in ran}
        if any(better.values()):
            named = "; ".join(f"on `{c}` {', '.join(rows)}" for c, rows in better.items() if rows)
            parts.append(f"At K = {k} a meta-learner is better than both `pretrain` and `offset`: {named}.")
        else:
            parts.append(
                f"At K = {k} no meta-learner is better than both `pretrain` and `offset` on any "
                "construction, in any of the three errors (no interval excludes 1)."
            )
    near = [
        f"`{found[0]}` on `{c}` ({shown(found[2], 3)})"
        for c in ran
        if (found := nearest(records, c, 50, "pretrain"))
    ]
    return (
        " ".join(parts) + " Nearest in forces at K = 50, as `pretrain` ÷ method: " + ", ".join(near) + "."
    )


def aims(records: Records) -> str:
    """The table of what was aimed at, and what was measured."""
    rows = []
    for construction in CONSTRUCTIONS:
        title = f"`{construction}`: energy at K = 50 below 1.5 kcal/mol"
        learned = [m for m in ("pretrain", *LEARNERS) if records.seeds(construction, m)]
        if not learned:
            rows.append([title, "not run", "–"])
            continue
        best = min(
            learned, key=lambda m: mean_error(records.seeds(construction, m), "energy_rmse", 50).value
        )
        value = mean_error(records.seeds(construction, best), "energy_rmse", 50)
        met = "met" if value.hi < 1.5 else "not met"
        rows.append(
            [f"`{construction}`: energy at K = 50 below 1.5 kcal/mol", f"{shown(value)} (`{best}`)", met]
        )
        rows.append(_scratch_aim(records, construction))
    return markdown(["aim", "measured", ""], rows)


def _scratch_aim(records: Records, construction: str) -> list[str]:
    """Converged from-scratch ÷ best meta-learner, geometric mean over the three errors."""
    title = f"`{construction}`: `scratch` ÷ best meta-learner at K = 50, at least 3.3"
    scratch = records.seeds(construction, "scratch")
    options = []
    for method in LEARNERS:
        if (mine := records.seeds(construction, method)) and scratch:
            values = [contrast(scratch, mine, metric, 50) for metric in METRICS]
            options.append((float(np.exp(np.mean([np.log(v.value) for v in values]))), method, values))
    if not options:
        return [title, "not run", "–"]
    value, method, values = max(options)
    each = ", ".join(f"{NAMES[m]} {shown(v)}" for m, v in zip(METRICS, values, strict=True))
    return [title, f"{value:.2f} (`{method}`: {each})", "met" if value >= 3.3 else "not met"]
