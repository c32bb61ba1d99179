"""The same methods with another budget of steps, and with a larger network."""

from __future__ import annotations

from itertools import product

from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.record import RECORDED, Record
from mfbench.compare.text import markdown
from mfbench_campaign.headline import MANY
from mfbench_campaign.records import CONSTRUCTIONS, LEARNERS, METHODS, SECOND, Records
from mfbench_campaign.report.tables import NAMES, NOT_RUN, force_ranks, shown

__all__ = ["BUDGETS", "NETWORKS", "budget_table", "network_ratios", "network_table"]

BUDGETS = {"": "20 of 16", "300-steps": "300 of 16", "2000-steps": "2,000 of 4"}
"""Mark of a run → gradient steps and configurations per step."""
RATIOS = [(m, query) for m in ("energy_rmse", "force_rmse") for query in ("seen", "unseen")]
"""Seen: fragments that the support shows."""
NETWORKS = ("nano", "larger", "largest")
LEARNED = ("pretrain", "maml", "reptile")


def budget_table(records: Records, k: int = MANY) -> str:
    """Errors against the budget, and ``scratch`` of the same campaign ÷ them; seeds that a pair shares."""
    rows = []
    for construction, campaign in product(CONSTRUCTIONS, ("", SECOND)):
        scratch = records.seeds(construction, line := f"scratch{campaign}")
        if scratch:
            errors = [shown(mean_error(scratch, m, k)) for m in RECORDED]
            rows.append([construction, f"`{line}`", "up to 2,000 of 4", *errors, *["–"] * len(RATIOS)])
        for method in (f"{m}{campaign}" for m in LEARNED):
            for mark, steps in BUDGETS.items():
                mine = _first_seed(records, construction, method, mark)
                errors = [shown(mean_error(mine, m, k)) for m in RECORDED]
                ratios = [shown(contrast(scratch, mine, m, k, query=q)) for m, q in RATIOS]
                rows.append([construction, f"`{method}`", steps, *errors, *ratios])
    head = ["construction", "method", "steps", *NAMES.values()]
    head += [f"`scratch` ÷ it, {NAMES[m]}, {query}" for m, query in RATIOS]
    return markdown(head, [row for row in rows if row[3] != NOT_RUN])


def network_table(records: Records, k: int = MANY) -> str:
    """Errors and ranks of nano and of larger networks; nano ÷ them in forces."""
    rows = []
    for construction, model in product(CONSTRUCTIONS, NETWORKS):
        ran = [m for m in METHODS if any(records.seeds(construction, m, n) for n in NETWORKS[1:])]
        mark = "" if model == "nano" else model
        found = {m: _first_seed(records, construction, m, mark) for m in ran}
        found = {m: runs for m, runs in found.items() if runs}
        ranked = force_ranks(found, k)
        for method, runs in found.items():
            nano = _first_seed(records, construction, method)
            row = [
                construction,
                model,
                f"{runs[0].trained.parameters:,}" if runs[0].trained else "–",
                f"`{method}`",
            ]
            row += [shown(mean_error(runs, m, k)) for m in RECORDED]
            ratio = shown(contrast(nano, runs, "force_rmse", k)) if mark else "–"
            rows.append([*row, str(ranked.get(method, "–")), ratio])
    head = ["construction", "network", "parameters", "method", *NAMES.values(), "rank", "nano ÷ it, forces"]
    return markdown(head, rows) if rows else "Not run."


def network_ratios(records: Records, line: str = "pretrain", k: int = MANY) -> list[str]:
    """``line`` ÷ learners in forces with each larger network; empty where none was run."""
    parts = []
    for construction, model in product(CONSTRUCTIONS, NETWORKS[1:]):
        reference = records.seeds(construction, line, model)
        ratios = [
            f"`{m}` {shown(contrast(reference, mine, 'force_rmse', k), 3)}"
            for m in LEARNERS
            if reference and (mine := records.seeds(construction, m, model))
        ]
        if ratios and reference[0].trained:
            size = f"{reference[0].trained.parameters:,} parameters"
            parts.append(f"{', '.join(ratios)} ({size}, `{construction}`)")
    return parts


def _first_seed(records: Records, construction: str, method: str, mark: str = "") -> list[Record]:
    """The runs of meta-training seed 0: other budgets and networks have no other."""
    return [r for r in records.seeds(construction, method, mark) if r.trained and r.trained.seed == 0]
