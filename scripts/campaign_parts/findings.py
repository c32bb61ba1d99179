"""What the records say in plain words. Every number is computed; every verdict follows from an interval."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from science.intervals import family_ratio

from campaign_parts.labels import DEEP, saved, saved_text
from campaign_parts.select import CONSTRUCTIONS, LEARNERS, Records
from campaign_parts.tables import NAMES, NOT_RUN, shown, spread
from campaign_parts.variations import network_text
from mfbench.compare.comparison import Comparison
from mfbench.compare.contrast import contrast
from mfbench.compare.record import METRICS, Record
from mfbench.compare.text import interval
from mfbench.data.split import load_split
from mfbench.learned.checkpoint import embedded_checkpoint
from mfbench.metrics.statistics import Interval
from mfbench.results.score_run import family_groups

__all__ = ["all_findings", "rows_that_beat"]


def all_findings(
    records: Records, comparison: Comparison, mini: Mapping[str, Any], limits: Path
) -> list[str]:
    """The findings, in order. ``mini``: reference runs on cath-mini, with longer meta-training; ``limits``:
    folder of the label factors."""
    return [
        headline_finding(records),
        start_finding(records, limits),
        families_finding(records, comparison),
        transfer_finding(comparison),
        compute_finding(records, comparison, mini),
    ]


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
                line = lines[against.index(worst)]
                text = f"`{line}` ÷ it {shown(worst, 3)}"
                theirs = records.seeds(construction, line)
                if failed := failed_families([*theirs, *mine], k):
                    rest = contrast(theirs, mine, metric, k, without=failed)
                    text += f"; {shown(rest, 3)} without {', '.join(failed)}, where one of them failed"
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
        if mine and theirs and k in mine[0].ks:
            options.append((method, contrast(theirs, mine, "force_rmse", k)))
    return max(options, key=lambda option: option[1].value, default=None)


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
        f"`{found[0]}` on `{c}` ({shown(found[1], 3)})"
        for c in ran
        if (found := nearest(records, c, 50, "pretrain"))
    ]
    parts += _one_seed_only(records, ran)
    tried = sum(bool(records.seeds(c, m)) for c in ran for m in LEARNERS)
    parts.append(f"({tried} rows in three errors at each K; intervals are not corrected for their number.)")
    if any(records.seeds(c, m) for c in ran for m in LEARNERS if ", " in m):
        parts.append(
            "`faster-outer` has ten times the outer rate, that of `pretrain`. It was added after the rows "
            "with the smaller rate, chosen by a scan on `cath-mini`, were seen to lose on `chemistry`."
        )
    nearest_said = f"Nearest in forces at K = 50, as `pretrain` ÷ method: {', '.join(near)}."
    return " ".join([*parts, nearest_said, network_text(records)]).strip()


def _one_seed_only(records: Records, constructions: Sequence[str]) -> list[str]:
    """What the first seed alone would have claimed, and the others do not bear out."""
    first = Records(r for r in records.by_name.values() if r.trained is None or r.trained.seed == 0)
    found = []
    for construction in constructions:
        for k in (10, 50):
            every = rows_that_beat(records, construction, k, ("pretrain", "offset"))
            alone = rows_that_beat(first, construction, k, ("pretrain", "offset"))
            if alone and not every:
                found.append(
                    f"Seed 0 alone would have said otherwise at K = {k} on `{construction}`: "
                    f"{'; '.join(alone)}. All seeds do not bear it out."
                )
    return found


def start_finding(records: Records, limits: Path) -> str:
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
            (m, q): contrast(scratch, mine, m, 50, query=q)
            for m in ("force_rmse", "energy_rmse")
            for q in pays
        }
        said = (
            f"{NAMES[m]} {shown(value[m, 'seen'])} and {shown(value[m, 'unseen'])}"
            for m in ("force_rmse", "energy_rmse")
        )
        parts[mark].append(f"on `{construction}` {', '.join(said)}")
        if not mark:
            for query, found in pays.items():
                found += [construction] * (value["force_rmse", query].lo > 1)
        else:
            gained = contrast(short, mine, "force_rmse", 50)
            gains.append(f"on `{construction}` by {shown(gained)}")
    saving = {c: saved_text(found) for c in DEEP if (found := saved(limits, c, 10))}
    labels = "; ".join(f"on `{c}` {said}" for c, said in saving.items())
    where = {query: f"on {_named(found)}" if found else "nowhere" for query, found in pays.items()}
    return (
        "Where training on other families pays in forces, beside random weights: on fragments that the "
        f"support does not show, {where['unseen']}; on those that it shows, {where['seen']} (K = 50; "
        "`scratch` may take 2,000 steps, `pretrain` takes 20). `scratch` ÷ `pretrain`, seen and unseen: "
        f"{'; '.join(parts['']) or NOT_RUN}. With 2,000 steps for both: "
        f"{'; '.join(parts['2000-steps']) or NOT_RUN}. Over 20, these divide the force error of `pretrain` "
        f"{'; '.join(gains) or NOT_RUN}. In labels of deep families, `scratch` needs so many times the 10 "
        f"that `pretrain` takes: {labels or NOT_RUN}."
    )


def families_finding(records: Records, comparison: Comparison) -> str:
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
            50,
        )
        costs |= {name: value} if value else {}
    text = "Not run."
    if null := costs.get("shuffled"):
        above = [name for name in costs if costs[name].lo > null.hi]
        text = (
            f"Families mean something on {_named(above) or 'no construction'}: there the interval of force "
            "error with another family's labels ÷ with its own lies above that of `shuffled`, where "
            "families mean nothing."
        )
    return (
        f"{text} That ratio (`pretrain`, K = 50): "
        f"{', '.join(f'`{name}` {shown(value, 3)}' for name, value in costs.items()) or NOT_RUN}. Train "
        f"families that differ by more than what is within them (Vendi score): {', '.join(counts)}."
    )


def transfer_finding(comparison: Comparison) -> str:
    """What training elsewhere costs."""
    cells = [t for t in comparison.transfer if t.ratio is not None and t.method == "pretrain"]
    texts = [
        f"`{t.trained_on}` → `{t.tested_on}` {interval(t.ratio, t.ratio_lo, t.ratio_hi)} "
        f"({t.n_families} families)"
        for t in sorted(cells, key=lambda t: t.ratio)
    ]
    return (
        "Transfer. Error after training on one construction ÷ after training at home, below 1 where "
        f"elsewhere is better (`pretrain`, forces, K = 50): {', '.join(texts) or NOT_RUN}."
    )


def compute_finding(records: Records, comparison: Comparison, mini: Mapping[str, Any]) -> str:
    """Compute and breadth of meta-training."""
    scratch, short = records.seeds("cath", "scratch"), records.seeds("cath", "pretrain")
    text = "Compute and breadth of meta-training. "
    if scratch and short:
        value = contrast(scratch, short, "force_rmse", 50)
        text += (
            f"With {short[0].trained.gradients:,} gradients, `scratch` ÷ `pretrain` at K = 50 on `cath` is "
            f"{shown(value)} in forces; "
        )
    top, bottom = (mini[m]["families"]["force_rmse"]["50"] for m in ("scratch", "pretrain"))
    groups = family_groups(load_split("cath-mini"), sorted(top))
    card = embedded_checkpoint("cath-mini", "mace", "pretrain").with_suffix(".json")
    gradients = json.loads(card.read_text())["gradients"]
    longer = family_ratio(top, bottom, groups)
    text += f"with {gradients:,} on the smaller `cath-mini` it is {shown(longer)}."
    for over in ("families", "configurations"):
        curve = [c for c in comparison.curves if (c.over, c.method) == (over, "pretrain")]
        if len(curve) > 1:
            points = ", ".join(f"{c.n} {over} {interval(c.value, c.lo, c.hi)}" for c in curve)
            text += f" At equal compute, forces after training on {points} kcal/mol/Å."
    if seeds := spread(short, "force_rmse", 50):
        text += f" These are of one seed; the seeds of `pretrain` on all of `cath` differ by{seeds}."
    return text


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
