"""What the rows of ``levels`` say: what labels of a new level of theory bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.text import interval
from mfbench_campaign.report.findings import Finding

__all__ = ["FEW", "JOINT", "LEVELS", "MANY", "META", "STARTS", "level_findings", "seeds_in_words"]

FEW, MANY = 10, 40
LEVELS = {"wb97x-d": "ωB97X-D/def2-SVP", "pm7": "PM7"}
"""Test levels, in the order of their findings, and how a reader calls them."""
JOINT = ("pretrain", "multihead", "pretrain, longer", "multihead, longer", "cavia")
"""Starts that were trained here by batches over all tasks, and call no quantum method at prediction."""
META = ("fomaml", "fomaml, behind multihead", "maml", "reptile", "maml++", "anil")
"""Starts that were trained here as they adapt."""
STARTS = (*JOINT, *META)
RIVALS = ("offset", *STARTS, "ridge", "scratch", "gfn2-bond-terms")
EXPECTED = ("scratch", "multihead", "cavia", "fomaml", "maml")
"""Methods that the comparison is not complete without."""


def level_findings(record: Mapping[str, Any]) -> list[Finding]:
    """A finding per test level of ``results/levels.json``, which ``scripts/run_table.py`` wrote."""
    return [_finding(record, level) for level in LEVELS if any(r["level"] == level for r in record["rows"])]


def seeds_in_words(count: int) -> str:
    """``one seed``, ``3 seeds``."""
    return "one seed" if count == 1 else f"{count} seeds"


def _finding(record: Mapping[str, Any], level: str) -> Finding:
    rows = {(r["method"], r["k"]): r for r in record["rows"] if r["level"] == level}
    forces = {key: interval(*row["force_rmse"]) for key, row in rows.items()}
    gains = {(g["method"], g["k"]): g["force_ratio"] for g in record["gains"] if g["level"] == level}
    lead = min(
        (method for method in STARTS if (method, FEW) in rows and (method, MANY) in gains),
        key=lambda method: float(rows[method, FEW]["force_rmse"][0]),
    )
    gain = gains[lead, MANY]
    return Finding.of(
        "levels",
        split=rows[lead, FEW]["split"],
        level=LEVELS[level],
        families=rows[lead, FEW]["families"],
        seeds=seeds_in_words(rows[lead, FEW]["seeds"]),
        lead=lead,
        at={k: forces[lead, k] for k in (0, FEW, MANY)},
        few=FEW,
        many=MANY,
        gain=interval(*gain),
        help=gain[1] > 1,
        beside=_beside(lead, forces, gains),
        rivals=[
            f"`{name}` {forces[name, FEW]} at K = {FEW}, {forces[name, MANY]} at {MANY}"
            for name in RIVALS
            if (name, FEW) in forces and (name, MANY) in forces
        ],
        lacking=[f"`{name}`" for name in EXPECTED if (name, FEW) not in forces],
    )


def _beside(
    lead: str, forces: Mapping[tuple[str, int], str], gains: Mapping[tuple[str, int], Any]
) -> list[str]:
    """Joint training with one readout, where it is not the best start; and the null of levels."""
    lines = []
    if lead != "pretrain" and ("pretrain", MANY) in gains:
        gain = interval(*gains["pretrain", MANY])
        lines.append(f"`pretrain` to {forces['pretrain', FEW]} and {forces['pretrain', MANY]} ({gain})")
    if ("pretrain, wrong-level", MANY) in forces:
        wrong = forces["pretrain, wrong-level", MANY]
        lines.append(f"with {MANY} labels of the wrong level `pretrain` has {wrong}")
    return lines
