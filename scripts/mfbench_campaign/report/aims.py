"""What was aimed at, and what was measured: one table, every verdict from an interval or a bound."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.record import RECORDED
from mfbench.compare.text import markdown
from mfbench.metrics.statistics import Interval
from mfbench_campaign.headline import FEW, MANY, SHOWN
from mfbench_campaign.records import CONSTRUCTIONS, LEARNERS, SECOND, SECOND_LEARNERS, Records
from mfbench_campaign.report.advice import BUDGETS
from mfbench_campaign.report.findings import rows_that_beat
from mfbench_campaign.report.label_savings import DEEP, saved, saved_text
from mfbench_campaign.report.level_aims import level_aims
from mfbench_campaign.report.tables import NAMES, NOT_RUN, shown
from mfbench_campaign.report.variations import NETWORKS

__all__ = ["aims", "best_energy", "best_over_scratch"]

NO_LABEL, CONVERGED = 1.2, 2.0


def aims(records: Records, levels: Mapping[str, Any], limits: Path) -> str:
    """The table of what was aimed at, and what was measured.

    Args:
        levels: ``results/levels.json``.
        limits: folder of the label factors.
    """
    better = [
        row
        for construction in CONSTRUCTIONS
        for mark, learners in (("", LEARNERS), (SECOND, SECOND_LEARNERS))
        for row in rows_that_beat(
            records, construction, FEW, (f"pretrain{mark}", f"offset{mark}"), learners
        )
    ]
    fair = [row for row in better if "more gradients" not in row]
    rows = [
        *level_aims(levels),
        [
            f"elsewhere: a meta-learner better than `pretrain` and `offset` of its campaign at K = {FEW}, "
            "interval without 1",
            "; ".join(better) or "none",
            "met" if fair else "not decided: trained longer" if better else "not met",
        ],
    ]
    rows += [_forces_aim(records), _converged_aim(records)]
    for construction in CONSTRUCTIONS:
        title = f"`{construction}`: energy at K = {MANY} below 1.5 kcal/mol"
        found = best_energy(records, construction)
        if found is None:
            rows.append([title, NOT_RUN, "–"])
            continue
        best, value = found
        met = "met" if value.hi < 1.5 else "not met"
        rows.append([title, f"{shown(value)} (`{best}`)", met])
        rows.append(_scratch_aim(records, construction))
    rows += [_saving_aim(limits, c) for c in DEEP]
    return markdown(["aim", "measured", ""], rows)


def _forces_aim(records: Records) -> list[str]:
    """Of the start alone: ``offset`` moves no force, so any K says it."""
    title = f"`cath`: forces without a label at most {NO_LABEL} kcal/mol/Å"
    starts = ("offset", *(f"offset, {network}" for network in NETWORKS[1:]), f"offset{SECOND}")
    found = {
        m: value for m in starts if (value := mean_error(records.seeds("cath", m), "force_rmse", MANY))
    }
    if not found:
        return [title, NOT_RUN, "–"]
    best, value = min(found.items(), key=lambda item: item[1].value)
    return [title, f"{shown(value)} (`{best}`)", "met" if value.hi <= NO_LABEL else "not met"]


def _converged_aim(records: Records) -> list[str]:
    title = (
        f"`chemistry`: `scratch` ÷ `pretrain`, 2,000 steps each, K = {MANY}, forces, at least {CONVERGED:g}"
    )
    found = []
    for campaign in ("", SECOND):
        scratch = records.seeds("chemistry", f"scratch{campaign}")
        start = records.seeds("chemistry", f"pretrain{campaign}", "2000-steps")
        if value := contrast(scratch, start, "force_rmse", MANY):
            found.append((f"`scratch{campaign}` ÷ `pretrain{campaign}` {shown(value)}", value.lo))
    if not found:
        return [title, NOT_RUN, "–"]
    met = any(lo >= CONVERGED for _, lo in found)
    return [title, "; ".join(text for text, _ in found), "met" if met else "not met"]


def best_energy(records: Records, construction: str) -> tuple[str, Interval] | None:
    """The trained start with the least total energy error at K = 50, and that error."""
    every = ("pretrain", *LEARNERS, *(f"pretrain, {network}" for network in NETWORKS[1:]))
    learned = {
        f"{m}{words}": value
        for m, (mark, words) in product((*every, f"pretrain{SECOND}", *SECOND_LEARNERS), BUDGETS.items())
        if (value := mean_error(records.seeds(construction, m, mark), "energy_rmse", MANY))
    }
    return min(learned.items(), key=lambda item: item[1].value) if learned else None


def _saving_aim(limits: Path, construction: str) -> list[str]:
    """Total energy does not count: it is an offset, and the closed-form correction knows it."""
    title = f"`{construction}`: saving per new family at least 100 × in forces or within fragments"
    parts, met = [], []
    for k in SHOWN:
        if not (found := saved(limits, construction, k)):
            continue
        parts.append(f"K = {k}: {saved_text(found)}")
        met += [
            f"{NAMES[m]}, K = {k}"
            for m, needed in found.items()
            if m != "energy_rmse" and all(n.labels >= 100 and n.bound != "<=" for n in needed)
        ]
    if not parts:
        return [title, NOT_RUN, "–"]
    return [
        title,
        f"`pretrain` of the first campaign, {'; '.join(parts)}",
        f"met ({'; '.join(met)})" if met else "not met",
    ]


def _scratch_aim(records: Records, construction: str) -> list[str]:
    title = f"`{construction}`: `scratch` ÷ best meta-learner at K = {MANY}, at least 3.3"
    found = best_over_scratch(records, construction)
    if found is None:
        return [title, NOT_RUN, "–"]
    return [title, f"{found[0]:.2f} ({found[1]})", "met" if found[0] >= 3.3 else "not met"]


def best_over_scratch(records: Records, construction: str) -> tuple[float, str] | None:
    """Converged from-scratch ÷ the best meta-learner: geometric mean over the errors.

    From scratch by the recipe of the learner's campaign, where that was run.
    """
    options = []
    for method, budget in product((*LEARNERS, *SECOND_LEARNERS), ("", "2000-steps")):
        own = f"scratch{SECOND * method.endswith(SECOND)}"
        scratch = records.seeds(construction, own) or records.seeds(construction, "scratch")
        if (mine := records.seeds(construction, method, budget)) and scratch:
            values = [value for m in RECORDED if (value := contrast(scratch, mine, m, MANY))]
            name = f"`{method}`" + " with 2,000 steps" * bool(budget)
            options.append((float(np.exp(np.mean([np.log(v.value) for v in values]))), name, values))
    if not options:
        return None
    mean, name, values = max(options)
    each = ", ".join(f"{NAMES[m]} {shown(v)}" for m, v in zip(RECORDED, values, strict=True))
    return mean, f"{name}: {each}"
