"""Markdown tables of a campaign, from its records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.compare.contrast import contrast, family_errors, mean_error
from mfbench.compare.record import RECORDED, Record
from mfbench.compare.text import markdown
from mfbench.metrics.statistics import Interval, ranks
from mfbench_campaign import intervals
from mfbench_campaign.headline import MANY, SHOWN
from mfbench_campaign.records import CONSTRUCTIONS, METHODS, SECOND, SECOND_METHODS, Records

__all__ = [
    "cost_table",
    "errors_table",
    "more_gradients",
    "ratios_table",
    "shown",
    "spread",
]

NAMES = {"energy_rmse": "energy", "energy_rmse_within": "within", "force_rmse": "forces"}
NOT_RUN = "not run"


def shown(value: Interval | None, digits: int = 2) -> str:
    """``1.36 [1.14, 1.61]``; the value alone where there is no interval."""
    return NOT_RUN if value is None else intervals.shown(value, digits)


def more_gradients(line: Sequence[Record], learner: Sequence[Record]) -> str:
    """By how much the learner was trained longer, ``4 % more gradients``; empty where it was not."""
    few, many = (
        max((r.trained.gradients for r in runs if r.trained), default=0) for runs in (line, learner)
    )
    return f"{100 * (many / few - 1):.0f} % more gradients" if 0 < few < many else ""


def spread(records: Sequence[Record], metric: str, k: int) -> str:
    """Standard deviation over seeds of the mean error; empty with one seed."""
    values = [np.mean(list(record.per_family(metric, k).values())) for record in records]
    return f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""


def errors_table(records: Records, construction: str, among: Sequence[str] = METHODS) -> str:
    """Errors of every method with intervals over families, the largest force error first."""
    columns = [(metric, k) for metric in RECORDED for k in SHOWN]
    head = ["method", "seeds", *(f"{NAMES[m]}, K = {k}" for m, k in columns), "rank"]
    methods = records.methods(construction, among)
    found = {m: records.seeds(construction, m) for m in methods}
    ranked = force_ranks(found)
    methods.sort(key=lambda m: -_value(found[m], "force_rmse", MANY))
    rows = [
        [
            f"`{method}`",
            str(len(found[method])),
            *(
                shown(mean_error(found[method], m, k)) + spread(found[method], m, k)
                if k in found[method][0].ks
                else "–"
                for m, k in columns
            ),
            str(ranked.get(method, "–")),
        ]
        for method in methods
    ]
    return markdown(head, rows)


def force_ranks(found: dict[str, list[Record]], k: int = MANY) -> dict[str, int]:
    """Ranks by force error, ties shared (Holm); empty under ten families. ``constant`` has none.

    Of the meta-training seeds that all methods have: more seeds must not be an advantage.
    """
    methods = [m for m in found if m != "constant" and k in found[m][0].ks]
    seeds = [{r.trained.seed for r in found[m] if r.trained} for m in methods if found[m][0].trained]
    shared = set.intersection(*seeds) if seeds else set()
    found = {m: [r for r in found[m] if r.trained is None or r.trained.seed in shared] for m in methods}
    methods = [m for m in methods if found[m]]
    errors = [family_errors(found[m], "force_rmse", k) for m in methods]
    families = sorted(set.intersection(*map(set, errors))) if errors else []
    if not families:
        return {}
    groups = found[methods[0]][0].group_of()
    table = np.array([[one[f] for f in families] for one in errors])
    given = ranks(table, np.array([groups[f] for f in families]))
    return dict(zip(methods, given, strict=True)) if given else {}


def ratios_table(records: Records, construction: str, among: Sequence[str] = METHODS) -> str:
    """Each method against ``offset`` and ``pretrain`` of its campaign; above 1, the method is better."""
    rows = []
    for method in records.methods(construction, among):
        if method.removesuffix(SECOND) in ("constant", "scratch", "offset"):
            continue
        mine = records.seeds(construction, method)
        for line in ("offset", "pretrain"):
            line += SECOND * method.endswith(SECOND)
            if method == line:
                continue
            for k in SHOWN:
                theirs = records.seeds(construction, line)
                cells = [shown(contrast(theirs, mine, m, k), 3) for m in RECORDED]
                rows.append([f"`{line}` ÷ `{method}`", str(k), *cells])
    return markdown(["", "K", *NAMES.values()], rows)


def cost_table(records: Records) -> str:
    """What meta-training and adapting cost, means over seeds."""
    rows = []
    for construction in CONSTRUCTIONS:
        for method in records.methods(construction, (*METHODS, *SECOND_METHODS)):
            found = records.seeds(construction, method)
            trained = [r.trained for r in found if r.trained]
            cost = {name: np.mean([r.costs[name][str(MANY)] for r in found]) for name in found[0].costs}
            rows.append(
                [
                    construction,
                    f"`{method}`",
                    f"{trained[0].gradients:,}" if trained else "–",
                    f"{np.mean([t.seconds for t in trained]) / 60:.1f}" if trained else "–",
                    f"{cost['gradient_evaluations']:,.0f}",
                    f"{cost['adapt_seconds']:.2f}",
                    f"{cost['predict_seconds']:.2f}",
                ]
            )
    head = ["construction", "method", "meta-training, gradients", "minutes, one core"]
    return markdown([*head, "adapting, gradients", "seconds", "predicting, seconds"], rows)


def _value(records: Sequence[Record], metric: str, k: int) -> float:
    found = mean_error(records, metric, k)
    return float("inf") if found is None else found.value
