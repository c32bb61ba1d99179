"""What the rows of ``levels`` say: what labels of a new level of theory bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.text import interval
from mfbench_campaign.report.findings import Finding

__all__ = ["FEW", "LEVELS", "MANY", "level_findings", "seeds_in_words"]

FEW, MANY = 10, 40
LEVELS = {"wb97x-d": "ωB97X-D/def2-SVP", "pm7": "PM7"}
"""Test levels, in the order of their findings, and how a reader calls them."""
RIVALS = ("offset", "gfn2-bond-terms", "scratch")
EXPECTED = ("scratch", "multihead", "cavia", "fomaml", "maml")
"""Methods that the comparison is not complete without."""


def level_findings(record: Mapping[str, Any]) -> list[Finding]:
    """A finding per test level of ``results/levels.json``, which ``scripts/run_table.py`` wrote."""
    return [_finding(record, level) for level in LEVELS if any(r["level"] == level for r in record["rows"])]


def seeds_in_words(count: int) -> str:
    """``one seed``, ``3 seeds``."""
    return "one seed" if count == 1 else f"{count} seeds"


def _finding(record: Mapping[str, Any], level: str) -> Finding:
    rows = [row for row in record["rows"] if row["level"] == level]
    forces = {(r["method"], r["k"]): interval(*r["force_rmse"]) for r in rows}
    gain = next(
        g["force_ratio"]
        for g in record["gains"]
        if (g["method"], g["level"], g["k"]) == ("pretrain", level, MANY)
    )
    rivals = [
        f"`{name}` {forces[name, FEW]} at K = {FEW}, {forces[name, MANY]} at {MANY}"
        for name in RIVALS
        if (name, FEW) in forces
    ]
    return Finding.of(
        "levels",
        split=rows[0]["split"],
        level=LEVELS[level],
        families=rows[0]["families"],
        seeds=seeds_in_words(max(row["seeds"] for row in rows if row["method"] == "pretrain")),
        at={k: forces["pretrain", k] for k in (0, FEW, MANY)},
        few=FEW,
        many=MANY,
        gain=interval(*gain),
        help=gain[1] > 1,
        wrong=forces["pretrain, wrong-level", MANY],
        rivals=rivals,
        lacking=[f"`{name}`" for name in EXPECTED if (name, FEW) not in forces],
    )
