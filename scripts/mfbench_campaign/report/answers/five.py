"""The five findings of RESULTS.md.

Numbers alone are chosen here; every verdict follows from an interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.contrast import contrast
from mfbench.compare.text import interval
from mfbench.metrics.statistics import Interval
from mfbench_campaign import headline
from mfbench_campaign.records import CONSTRUCTIONS, Records
from mfbench_campaign.render import render_line
from mfbench_campaign.report.answers.answer import Answer, verdict
from mfbench_campaign.report.answers.known_level import (
    NEW,
    START,
    best_learner,
    known_level_advice,
    longer,
    own_labels,
)
from mfbench_campaign.report.level_aims import ratio_of_rows
from mfbench_campaign.report.level_finding import FEW, LEVELS, STARTS
from mfbench_campaign.report.meta_finding import best_meta
from mfbench_campaign.report.public_finding import MODEL
from mfbench_campaign.report.tables import shown

__all__ = ["advice_in_words", "answers", "leaders"]

Row = Mapping[str, Any]


def answers(records: Records, levels: Mapping[str, Any]) -> list[Answer]:
    """The five, in order. ``levels``: ``results/levels.json``."""
    return [
        _new_level(levels),
        _meta(levels, records),
        _families(records),
        own_labels(records),
        longer(records),
    ]


def advice_in_words(levels: Mapping[str, Any], records: Records) -> list[str]:
    """What to use tomorrow, a line per level of theory, and one for a level that starts were trained at."""
    lines = [render_line("answers/advice.md", few=FEW, **found) for found in _led(levels)]
    return [*lines, known_level_advice(records)]


def leaders(levels: Mapping[str, Any], level: str, k: int) -> dict[str, Row]:
    """The rows of least force error among public models, starts of ours and random weights.

    Controls do not count, nor does what calls a quantum method at prediction.
    """
    rows = [r for r in levels["rows"] if (r["level"], r["k"]) == (level, k)]
    groups = {
        "public": [r for r in rows if r["method"].startswith(MODEL)],
        "own": [r for r in rows if r["method"] in STARTS],
        "scratch": [r for r in rows if r["method"] == "scratch"],
    }
    return {name: min(found, key=_forces) for name, found in groups.items() if found}


def _forces(row: Row) -> float:
    return float(row["force_rmse"][0])


def _led(levels: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per level the leaders with few labels, and where our start stands beside the public model."""
    group = levels["groups"]["levels"]
    found = []
    for level, called in LEVELS.items():
        lead = leaders(levels, level, FEW)
        ratio = ratio_of_rows(lead["public"], lead["own"], "force_rmse", group)
        said = {n: {"name": r["method"], "forces": interval(*r["force_rmse"])} for n, r in lead.items()}
        found.append({"called": called, "own_is": verdict(ratio), "ratio": shown(ratio), **said})
    return found


def _new_level(levels: Mapping[str, Any]) -> Answer:
    return Answer.of(
        "new_level", f"How near do {FEW} labels of a new level of theory bring you?", "levels.png",
        few=FEW, levels=_led(levels),
    )  # fmt: skip


def _meta(levels: Mapping[str, Any], records: Records) -> Answer:
    steps = {start["method"]: start["phases"][-1]["done"] for start in levels.get("starts", [])}
    found = []
    for level, called in LEVELS.items():
        if best := best_meta(levels, level):
            rival = min(best.values, key=lambda name: best.values[name].value)
            ratio = best.values[rival]
            found.append({
                "called": called, "method": best.method, "rival": rival, "ratio": shown(ratio),
                "is": verdict(ratio), "outer_steps": steps[best.method], "least": best.least,
            })  # fmt: skip
    known = [b for where in NEW if (b := best_learner(records, where, FEW))]
    return Answer.of(
        "meta", "Does training as one adapts (meta-learning) pay?", "levels-ratios.png",
        few=FEW, levels=found, known=known,
    )  # fmt: skip


def _families(records: Records) -> Answer:
    def wrong(where: str, method: str = "pretrain") -> Interval | None:
        own = records.seeds(where, method)
        return contrast(records.seeds(where, method, "wrong-family"), own, "force_rmse", headline.MANY)

    ratios, null = {where: wrong(where) for where in CONSTRUCTIONS}, wrong("shuffled")
    trained_longer = {where: wrong(where, START) for where in NEW}
    told = [where for where, value in ratios.items() if value and null and value.lo > null.hi]
    return Answer.of(
        "families", "Does it matter that the labels are those of the family itself?", "compare.png",
        told=told, ratios=_each(ratios), second=_each(trained_longer), null=shown(null, 3),
    )  # fmt: skip


def _each(ratios: Mapping[str, Interval | None]) -> list[str]:
    return [f"`{where}` {shown(value, 3)}" for where, value in ratios.items() if value]
