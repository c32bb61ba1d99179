"""What the records say: numbers for the templates of findings. Every verdict follows from an interval."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from mfbench.compare.comparison import Comparison
from mfbench.compare.contrast import contrast
from mfbench.compare.record import RECORDED, Record
from mfbench.compare.text import interval
from mfbench.data.split import load_split
from mfbench.learned.checkpoint import embedded_checkpoint
from mfbench.metrics.statistics import Interval
from mfbench.results.score_run import family_groups
from mfbench_campaign.headline import FEW, MANY, SHOWN
from mfbench_campaign.intervals import family_ratio
from mfbench_campaign.records import CONSTRUCTIONS, LEARNERS, Records
from mfbench_campaign.render import render
from mfbench_campaign.report.label_savings import DEEP, saved, saved_text
from mfbench_campaign.report.tables import NAMES, NOT_RUN, more_gradients, shown, spread
from mfbench_campaign.report.variations import network_ratios

__all__ = ["Finding", "all_findings", "rows_that_beat", "trained_longer"]

ENOUGH_STEPS = 2000
"""Outer steps under which a meta-learner that does not win has not lost either."""


@dataclass(frozen=True)
class Finding:
    """What was found in one or two sentences, and the numbers behind it."""

    short: str
    rest: str

    @classmethod
    def of(cls, template: str, **values: Any) -> Finding:
        """From a template whose parts are divided by a line of three dashes."""
        short, _, rest = render(f"findings/{template}.md", **values).partition("\n---\n")
        return cls(" ".join(short.split()), " ".join(rest.split()))


def all_findings(
    records: Records,
    comparison: Comparison,
    mini: Mapping[str, Any],
    limits: Path,
    trainings: Mapping[str, Any],
) -> list[Finding]:
    """The findings, in order.

    Args:
        mini: reference runs on cath-mini, with longer meta-training.
        limits: folder of the label factors.
        trainings: training runs, for their outer steps.
    """
    return [
        headline_finding(records, trainings),
        start_finding(records, limits),
        families_finding(records, comparison),
        transfer_finding(comparison),
        compute_finding(records, comparison, mini),
    ]


def rows_that_beat(
    records: Records, construction: str, k: int, lines: Sequence[str], learners: Sequence[str] = LEARNERS
) -> list[str]:
    """``method (error)`` of every learner that is better than all ``lines`` there: intervals exclude 1."""
    found = []
    for method in learners:
        mine = records.seeds(construction, method)
        if not mine or k not in mine[0].ks:
            continue
        for metric in RECORDED:
            against = [contrast(records.seeds(construction, line), mine, metric, k) for line in lines]
            if all(lies_above(value, 1) for value in against):
                line, worst = min(
                    ((line, value) for line, value in zip(lines, against, strict=True) if value),
                    key=lambda pair: pair[1].value,
                )
                text = f"`{line}` ÷ it {shown(worst, 3)}"
                theirs = records.seeds(construction, line)
                if failed := failed_families([*theirs, *mine], k):
                    rest = contrast(theirs, mine, metric, k, without=failed)
                    text += f"; {shown(rest, 3)} without {', '.join(failed)}, where one of them failed"
                if more := more_gradients(theirs, mine):
                    text += f"; with {more}"
                found.append(f"`{method}` in {NAMES[metric]} ({text})")
    return found


def failed_families(records: Sequence[Record], k: int) -> list[str]:
    """Families with a failed episode at K, which scores a penalty."""
    parts = {text.partition(", K = ") for record in records for text in record.failures}
    return sorted({family for family, _, rest in parts if rest.startswith(f"{k}:")})


def nearest(records: Records, construction: str, k: int, line: str) -> tuple[str, Interval] | None:
    """The learner whose ratio to ``line`` is largest in forces, and the ratio."""
    options = []
    for method in LEARNERS:
        mine, theirs = records.seeds(construction, method), records.seeds(construction, line)
        if mine and theirs and k in mine[0].ks and (value := contrast(theirs, mine, "force_rmse", k)):
            options.append((method, value))
    return max(options, key=lambda option: option[1].value, default=None)


def headline_finding(records: Records, trainings: Mapping[str, Any]) -> Finding:
    """Whether a meta-learner beats both fine-tuning and the closed-form correction."""
    ran = [c for c in CONSTRUCTIONS if any(records.seeds(c, m) for m in LEARNERS)]
    by_k = {}
    for k in SHOWN:
        better = {c: rows_that_beat(records, c, k, ("pretrain", "offset")) for c in ran}
        by_k[k] = {c: rows for c, rows in better.items() if rows}
    near = [
        f"`{found[0]}` on `{c}` ({shown(found[1], 3)})"
        for c in ran
        if (found := nearest(records, c, MANY, "pretrain"))
    ]
    steps = [
        run["phases"][-1]["steps"] for run in trainings.values() if run["settings"]["method"] in LEARNERS
    ]
    return Finding.of(
        "headline",
        ran=ran,
        by_k=by_k,
        outer_steps=(min(steps), max(steps)) if steps else None,
        enough_steps=ENOUGH_STEPS,
        one_seed_only=_one_seed_only(records, ran),
        tried=sum(bool(records.seeds(c, m)) for c in ran for m in LEARNERS),
        faster_outer=any(records.seeds(c, m) for c in ran for m in LEARNERS if ", " in m),
        nearest=near,
        networks=network_ratios(records),
    )


def _one_seed_only(records: Records, constructions: Sequence[str]) -> list[dict[str, Any]]:
    """What the first seed alone would have claimed, and the others do not bear out."""
    first = Records(r for r in records.by_name.values() if r.trained is None or r.trained.seed == 0)
    found = []
    for construction in constructions:
        for k in SHOWN:
            every = rows_that_beat(records, construction, k, ("pretrain", "offset"))
            alone = rows_that_beat(first, construction, k, ("pretrain", "offset"))
            if alone and not every:
                found.append({"k": k, "construction": construction, "rows": alone})
    return found


def start_finding(records: Records, limits: Path) -> Finding:
    """What a trained start is worth beside random weights: by what the support shows, and by the budget."""
    pays: dict[str, list[str]] = {"seen": [], "unseen": []}
    parts: dict[str, list[str]] = {"": [], "2000-steps": []}
    gains = []
    for construction, mark in product(CONSTRUCTIONS, parts):
        scratch = records.seeds(construction, "scratch")
        mine, short = (records.seeds(construction, "pretrain", m) for m in (mark, ""))
        if not scratch or not mine:
            continue
        value = {
            (m, q): contrast(scratch, mine, m, MANY, query=q)
            for m in ("force_rmse", "energy_rmse")
            for q in pays
        }
        texts = (
            f"{NAMES[m]} {shown(value[m, 'seen'])} and {shown(value[m, 'unseen'])}"
            for m in ("force_rmse", "energy_rmse")
        )
        parts[mark].append(f"on `{construction}` {', '.join(texts)}")
        if not mark:
            for query, found in pays.items():
                found += [construction] * lies_above(value["force_rmse", query], 1)
        else:
            gains.append(f"on `{construction}` by {shown(contrast(short, mine, 'force_rmse', 50))}")
    saving = {c: saved_text(needed) for c in DEEP if (needed := saved(limits, c, FEW))}
    return Finding.of(
        "start",
        pays=pays,
        short=parts[""],
        long=parts["2000-steps"],
        gains=gains,
        labels=[f"on `{c}` {text}" for c, text in saving.items()],
        not_run=NOT_RUN,
    )


def families_finding(records: Records, comparison: Comparison) -> Finding:
    """Where families mean something: how many there are in effect, and what a wrong family costs."""
    counts = [
        f"`{c.name}` {c.diversity.effective_families:.1f} of {c.diversity.train_families}"
        for c in comparison.constructions
        if c.diversity
    ]
    costs: dict[str, Interval] = {}
    for name in (*CONSTRUCTIONS, "shuffled"):
        value = contrast(
            records.seeds(name, "pretrain", "wrong-family"),
            records.seeds(name, "pretrain"),
            "force_rmse",
            MANY,
        )
        costs |= {name: value} if value else {}
    null = costs.get("shuffled")
    return Finding.of(
        "families",
        null_was_run=null is not None,
        above=[name for name in costs if null and lies_above(costs[name], null.hi)],
        costs=[f"`{name}` {shown(value, 3)}" for name, value in costs.items()],
        counts=counts,
        not_run=NOT_RUN,
    )


def transfer_finding(comparison: Comparison) -> Finding:
    """What training elsewhere costs."""
    cells = [(t.ratio, t) for t in comparison.transfer if t.ratio is not None and t.method == "pretrain"]
    texts = [
        f"`{t.trained_on}` → `{t.tested_on}` {interval(ratio, t.ratio_lo, t.ratio_hi)} "
        f"({t.n_families} families)"
        for ratio, t in sorted(cells, key=lambda cell: cell[0])
    ]
    return Finding.of("transfer", cells=texts, not_run=NOT_RUN)


def compute_finding(records: Records, comparison: Comparison, mini: Mapping[str, Any]) -> Finding:
    """Compute and breadth of meta-training."""
    curves = {}
    for over in ("families", "configurations"):
        curve = [c for c in comparison.curves if (c.over, c.method) == (over, "pretrain")]
        if len(curve) > 1:
            curves[over] = [f"{c.n} {over} {interval(c.value, c.lo, c.hi)}" for c in curve]
    return Finding.of(
        "compute",
        **trained_longer(records, mini),
        curves=curves,
        spread=spread(records.seeds("cath", "pretrain"), "force_rmse", MANY).strip(),
    )


def trained_longer(records: Records, mini: Mapping[str, Any]) -> dict[str, Any]:
    """Gradients of the campaign's start and of the one that ships with cath-mini; ``scratch`` ÷ each."""
    scratch, short = records.seeds("cath", "scratch"), records.seeds("cath", "pretrain")
    at_home = None
    if scratch and short and short[0].trained:
        ratio = shown(contrast(scratch, short, "force_rmse", MANY))
        at_home = {"gradients": f"{short[0].trained.gradients:,}", "ratio": ratio}
    top, bottom = (mini[m]["families"]["force_rmse"][str(MANY)] for m in ("scratch", "pretrain"))
    groups = family_groups(load_split("cath-mini"), sorted(top))
    card = embedded_checkpoint("cath-mini", "mace", "pretrain").with_suffix(".json")
    return {
        "short": at_home,
        "long": {
            "gradients": f"{json.loads(card.read_text())['gradients']:,}",
            "ratio": shown(family_ratio(top, bottom, groups)),
        },
    }


def lies_above(value: Interval | None, bound: float) -> bool:
    """Whether a whole interval lies above a bound."""
    return value is not None and value.lo > bound
