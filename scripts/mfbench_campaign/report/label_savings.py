"""What labels of a new family are worth: how many more training from scratch needs for the same error."""

from __future__ import annotations

from pathlib import Path

from mfbench.compare.record import RECORDED
from mfbench_campaign.limits.label_worth.curve import Needed
from mfbench_campaign.limits.label_worth.table import savings, savings_by_method
from mfbench_campaign.limits.measured import read_measured
from mfbench_campaign.report.tables import NAMES

__all__ = ["DEEP", "saved", "saved_text"]

DEEP = ("cath", "chemistry")
"""Constructions with families whose pool is deep."""


def saved(limits: Path, construction: str, k: int, method: str = "pretrain") -> dict[str, list[Needed]]:
    """error → saving in each deep family: labels that ``scratch`` needs ÷ K; empty where not run."""
    measured = read_measured(limits, "label_factor", [construction]) if limits.is_dir() else []
    found = savings_by_method(measured)
    return {m: found[method, k, m] for m in RECORDED if (method, k, m) in found}


def saved_text(found: dict[str, list[Needed]]) -> str:
    """``energy 408× to ≥ 500× (1 of 2 bounds), within …``."""
    return ", ".join(f"{NAMES[m]} {savings(needed)}" for m, needed in found.items())
