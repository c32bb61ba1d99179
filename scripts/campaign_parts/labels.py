"""What labels of a new family are worth: how many more training from scratch needs for the same error."""

from __future__ import annotations

from pathlib import Path

from science.files import read_measured
from science.label_curve import Needed
from science.label_table import savings, savings_by_method

from campaign_parts.tables import NAMES
from mfbench.compare.record import METRICS

__all__ = ["DEEP", "saved", "saved_text"]

DEEP = ("cath", "chemistry")
"""Constructions with families whose pool is deep."""


def saved(limits: Path, construction: str, k: int, method: str = "pretrain") -> dict[str, list[Needed]]:
    """error → saving in each deep family: labels that ``scratch`` needs ÷ K; empty where not run."""
    measured = read_measured(limits, "label_factor", [construction]) if limits.is_dir() else []
    found = savings_by_method(measured)
    return {m: found[method, k, m] for m in METRICS if (method, k, m) in found}


def saved_text(found: dict[str, list[Needed]]) -> str:
    """``energy 408× to ≥ 500× (1 of 2 bounds), within …``."""
    return ", ".join(f"{NAMES[m]} {savings(needed)}" for m, needed in found.items())
