"""The README's table: errors against DFT labels of families that nobody trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.text import interval, markdown
from mfbench_campaign.report.level_finding import FEW, MANY

__all__ = ["level_table"]

METHODS = (
    "constant",
    "gfn2-bond-terms",
    "so3lr",
    "so3lr, head",
    "scratch",
    "pretrain",
    "multihead",
    "fomaml, behind multihead",
)
"""In the order of the table: no network, a public one, ours. All others are in results/levels.md."""
KS = (0, FEW, MANY)


def level_table(record: Mapping[str, Any], level: str) -> str:
    """Forces at every K and the energy at the last: means over families with 95 % intervals; – : not run.

    Args:
        record: ``results/levels.json``.
        level: of theory.
    """
    rows = {(r["method"], r["k"]): r for r in record["rows"] if r["level"] == level}
    head = ["method", *(f"forces, K = {k}" for k in KS), f"energy, K = {MANY}"]
    columns = [*(("force_rmse", k) for k in KS), ("energy_rmse", MANY)]
    lines = [
        [
            f"`{method}`",
            *(
                interval(*row[metric]) if (row := rows.get((method, k))) and metric in row else "–"
                for metric, k in columns
            ),
        ]
        for method in METHODS
        if any((method, k) in rows for k in KS)
    ]
    return markdown(head, lines)
