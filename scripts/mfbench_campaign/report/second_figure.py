"""Force error against labels of new families at a level that starts saw, a panel a construction."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from mfbench.compare.contrast import mean_error
from mfbench_campaign.records import SECOND, Records
from mfbench_campaign.report.answers.known_level import NEW
from mfbench_campaign.report.level_figure import Row, save_curves

__all__ = ["save_second_starts"]

STYLES = {
    "pretrain": ("#BBBBBB", "o"),
    "scratch": ("#DDDDDD", "x"),
    f"scratch{SECOND}": ("#777777", "x"),
    f"offset{SECOND}": ("#000000", "D"),
    f"pretrain{SECOND}": ("#0072B2", "o"),
    f"pretrain{SECOND}, 2,000 steps": ("#56B4E9", "s"),
    f"fomaml{SECOND}": ("#E69F00", "^"),
    f"maml{SECOND}": ("#D55E00", "P"),
    f"reptile{SECOND}": ("#009E73", "v"),
}
"""Grey: the first campaign and random weights."""
STEPS = ", 2,000 steps"


def save_second_starts(records: Records, path: Path) -> None:
    """Means over test families with 95 % intervals, of the second campaign beside the first."""
    title = "Labels of a new family at a level of theory that training saw: error against their number"
    save_curves({f"{where} (GFN2)": _rows(records, where) for where in NEW}, STYLES, title, path)


def _rows(records: Records, where: str) -> list[Row]:
    found: list[Row] = []
    for name in STYLES:
        runs = records.seeds(where, name.removesuffix(STEPS), "2000-steps" * name.endswith(STEPS))
        for record, k in product(runs[:1], runs[0].ks if runs else ()):
            value = mean_error(runs, "force_rmse", k)
            if value:
                row = {"method": name, "k": k, "force_rmse": [*value]}
                found.append({**row, "families": len(record.families)})
    return found
