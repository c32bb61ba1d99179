"""What the rows of ``levels`` say: what labels of a new level of theory bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.text import interval
from mfbench_campaign.report.findings import Finding

__all__ = ["level_finding"]

FEW, MANY, LEVEL = 10, 40, "PM7"
EXPECTED = ("scratch", "multihead", "cavia", "fomaml", "maml")
"""Methods that the comparison is not complete without."""


def level_finding(record: Mapping[str, Any]) -> Finding:
    """The finding of ``results/levels.json``, which ``scripts/run_table.py`` wrote."""
    rows = record["rows"]
    forces = {(r["method"], r["k"]): interval(*r["force_rmse"]) for r in rows}
    gain = next(g["force_ratio"] for g in record["gains"] if (g["method"], g["k"]) == ("pretrain", MANY))
    rivals = [
        f"`{name}` {forces[name, FEW]} at K = {FEW}, {forces[name, MANY]} at {MANY}"
        for name in ("offset", "gfn2-bond-terms")
    ]
    return Finding.of(
        "levels",
        split=rows[0]["split"],
        level=LEVEL,
        families=rows[0]["families"],
        at={k: forces["pretrain", k] for k in (0, FEW, MANY)},
        few=FEW,
        many=MANY,
        gain=interval(*gain),
        help=gain[1] > 1,
        wrong=forces["pretrain, wrong-level", MANY],
        rivals=rivals,
        lacking=[f"`{name}`" for name in EXPECTED if (name, FEW) not in forces],
    )
