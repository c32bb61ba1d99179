"""What starts reach on new families at the level of theory that they saw: ``cath``, ``chemistry``.

From the second campaign, whose starts were trained longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.record import Record
from mfbench_campaign.headline import FEW, MANY, SHOWN
from mfbench_campaign.records import SECOND, SECOND_LEARNERS, Records
from mfbench_campaign.render import render_line
from mfbench_campaign.report.advice import BUDGETS
from mfbench_campaign.report.answers.answer import Answer, verdict
from mfbench_campaign.report.tables import more_gradients, shown

__all__ = ["NEW", "START", "best_learner", "known_level_advice", "longer", "own_labels"]

NEW = {"cath": "a new fold", "chemistry": "a new chemistry"}
"""Constructions of the second campaign, and what their test families are."""
START, SCRATCH = f"pretrain{SECOND}", f"scratch{SECOND}"


def known_level_advice(records: Records) -> str:
    """What to use tomorrow with few labels of the level that starts saw."""
    found = []
    for where, new in NEW.items():
        starts = _starts(records, where, FEW)
        if not starts:
            continue
        name, runs = _simplest(starts, FEW)
        found.append({
            "where": where, "new": new, "name": name,
            "none": shown(mean_error(records.seeds(where, START), "force_rmse", 0)),
            "forces": shown(mean_error(runs, "force_rmse", FEW)),
            "energy": shown(mean_error(runs, "energy_rmse", FEW)),
        })  # fmt: skip
    return render_line("answers/known_level.md", few=FEW, found=found)


def best_learner(records: Records, where: str, k: int) -> dict[str, object] | None:
    """The second campaign's meta-learner of least force error beside its start, in 20 steps each."""
    ran = {m: runs for m in SECOND_LEARNERS if k in _ks(runs := records.seeds(where, m))}
    line = records.seeds(where, START)
    if not ran or k not in _ks(line):
        return None
    name, runs = _least(ran, k)
    value = contrast(line, runs, "force_rmse", k)
    return value and {
        "where": where, "method": name, "ratio": shown(value, 3), "is": verdict(value),
        "more": more_gradients(line, runs),
    }  # fmt: skip


def own_labels(records: Records) -> Answer:
    """Whether random weights, in the better of two recipes, do as well as the best start."""
    found: dict[int, list[dict[str, Any]]] = {k: [] for k in SHOWN}
    for k, where in product(SHOWN, NEW):
        random = {m: runs for m in (SCRATCH, "scratch") if k in _ks(runs := records.seeds(where, m))}
        starts = _starts(records, where, k)
        if not random or not starts:
            continue
        rival, theirs = _least(random, k)
        name, runs = _simplest(starts, k)
        values = {q: contrast(theirs, runs, "force_rmse", k, query=q) for q in ("seen", "unseen")}
        texts = {q: f"{shown(value)} ({verdict(value)})" for q, value in values.items() if value}
        found[k].append({"where": where, "rival": rival, "name": name, **texts})
    question = "Are own labels and random weights enough?"
    return Answer.of("own_labels", question, "second-starts.png", found=found)


def longer(records: Records) -> Answer:
    """What a longer training of the start is worth before any label, and what labels add then."""
    found = []
    for where in NEW:
        before, now = records.seeds(where, "pretrain"), records.seeds(where, START)
        if not before or not now:
            continue
        values = [mean_error(runs, "force_rmse", 0) for runs in (before, now)]
        gradients = [max(r.trained.gradients for r in runs if r.trained) for runs in (before, now)]
        ratio = contrast(before, now, "force_rmse", 0)
        found.append({
            "where": where, "gradients": gradients, "forces": [shown(value) for value in values],
            "ratio": shown(ratio), "labelled": shown(mean_error(now, "force_rmse", MANY)),
        })  # fmt: skip
    question = "What is a longer training of the start worth?"
    return Answer.of("longer", question, "start-curves.png", found=found)


def _starts(records: Records, where: str, k: int) -> dict[str, list[Record]]:
    """Name → runs of the second campaign's starts, whatever they may spend on adapting."""
    return {
        f"{method}{words}": runs
        for method, (mark, words) in product((START, *SECOND_LEARNERS), BUDGETS.items())
        if k in _ks(runs := records.seeds(where, method, mark))
    }


def _simplest(starts: Mapping[str, list[Record]], k: int) -> tuple[str, list[Record]]:
    """Of the least mean force error; the start with 20 steps where the two are not told apart."""
    name, best = _least(starts, k)
    plain = starts.get(START)
    value = contrast(plain, best, "force_rmse", k) if plain else None
    return (START, plain) if plain and value and value.lo <= 1 else (name, best)


def _ks(runs: Sequence[Record]) -> list[int]:
    return runs[0].ks if runs else []


def _least(options: Mapping[str, list[Record]], k: int) -> tuple[str, list[Record]]:
    """Of the least mean force error."""

    def forces(item: tuple[str, list[Record]]) -> float:
        found = mean_error(item[1], "force_rmse", k)
        return found.value if found else float("inf")

    return min(options.items(), key=forces)
