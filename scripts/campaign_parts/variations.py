"""The same methods with another budget of steps, and with a larger network."""

from __future__ import annotations

from campaign_parts.select import CONSTRUCTIONS, METHODS, Records
from campaign_parts.tables import NAMES, NOT_RUN, force_ranks, shown
from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.record import METRICS
from mfbench.compare.text import markdown

__all__ = ["BUDGETS", "budget_table", "network_table"]

BUDGETS = {"": "20 of 16", "300-steps": "300 of 16", "2000-steps": "2,000 of 4"}
"""Mark of a run → gradient steps and configurations a step."""
RATIOS = [(m, query) for m in ("energy_rmse", "force_rmse") for query in ("seen", "unseen")]
"""Seen: fragments that the support shows."""
LEARNED = ("pretrain", "maml", "reptile")


def budget_table(records: Records, k: int = 50) -> str:
    """Errors against the budget, and ``scratch`` ÷ them; seeds that a pair shares."""
    rows = []
    for construction in CONSTRUCTIONS:
        scratch = records.seeds(construction, "scratch")
        if scratch:
            errors = [shown(mean_error(scratch, m, k)) for m in METRICS]
            rows.append([construction, "`scratch`", "up to 2,000 of 4", *errors, *["–"] * len(RATIOS)])
        for method in LEARNED:
            for mark, said in BUDGETS.items():
                mine = _first_seed(records, construction, method, mark)
                errors = [shown(mean_error(mine, m, k)) for m in METRICS]
                ratios = [shown(contrast(scratch, mine, m, k, query=q)) for m, q in RATIOS]
                rows.append([construction, f"`{method}`", said, *errors, *ratios])
    head = ["construction", "method", "steps", *NAMES.values()]
    head += [f"`scratch` ÷ it, {NAMES[m]}, {query}" for m, query in RATIOS]
    return markdown(head, [row for row in rows if row[3] != NOT_RUN])


def network_table(records: Records, model: str = "larger", k: int = 50) -> str:
    """Nano beside larger: forces and ranks, the seeds that both have."""
    rows = []
    for construction in CONSTRUCTIONS:
        methods = [m for m in METHODS if records.seeds(construction, m, model)]
        larger = {m: records.seeds(construction, m, model) for m in methods}
        nano = {m: _first_seed(records, construction, m) for m in methods}
        before, after = force_ranks(nano, k), force_ranks(larger, k)
        for method in methods:
            rows.append(
                [
                    construction,
                    f"`{method}`",
                    *(f"{found[method][0].trained.parameters:,}" for found in (nano, larger)),
                    *(shown(mean_error(found[method], "force_rmse", k)) for found in (nano, larger)),
                    *(shown(contrast(nano[method], larger[method], m, k)) for m in METRICS),
                    *(str(found.get(method, "–")) for found in (before, after)),
                ]
            )
    head = ["construction", "method", "parameters, nano", "larger", "forces, nano", "larger"]
    head += [f"nano ÷ larger, {NAMES['energy_rmse']}", "within", "forces", "rank, nano", "larger"]
    return markdown(head, rows) if rows else "Not run."


def _first_seed(records: Records, construction: str, method: str, mark: str = "") -> list:
    """The runs of meta-training seed 0: other budgets and networks have no other."""
    return [r for r in records.seeds(construction, method, mark) if r.trained and r.trained.seed == 0]
