"""What to use tomorrow."""

from __future__ import annotations

from itertools import product

from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.text import markdown
from mfbench_campaign.headline import SHOWN
from mfbench_campaign.records import CONSTRUCTIONS, METHODS, Records
from mfbench_campaign.report.tables import NOT_RUN, shown

__all__ = ["what_to_use"]

BUDGETS = {"": "", "2000-steps": ", 2,000 steps"}


def what_to_use(records: Records) -> str:
    """The method of least force error by construction, K and whether the support shows the molecule;
    those whose ratio to it has an interval that holds 1 are named too."""
    head = ["construction", "K", "seen molecules", "other molecules"]
    rows = [
        [f"`{where}`", str(k), *(_best(records, where, k, query) for query in ("seen", "unseen"))]
        for where, k in product(CONSTRUCTIONS, SHOWN)
    ]
    return markdown(head, rows)


def _best(records: Records, where: str, k: int, query: str) -> str:
    ran, found = {}, {}
    for method, (mark, words) in product(METHODS, BUDGETS.items()):
        runs = [r for r in records.seeds(where, method, mark) if k in r.ks]
        if runs and (value := mean_error(runs, "force_rmse", k, query)):
            ran[f"`{method}`{words}"], found[f"`{method}`{words}"] = runs, value
    if not found:
        return NOT_RUN
    best = min(found, key=lambda name: found[name].value)
    near = [
        name
        for name, runs in ran.items()
        if name != best
        and (value := contrast(runs, ran[best], "force_rmse", k, query=query))
        and value.lo <= 1
    ]
    alike = f"; not told apart: {', '.join(near)}" if near else ""
    return f"{best} {shown(found[best])}{alike}"
