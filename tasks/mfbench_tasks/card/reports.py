"""Build reports as the card shows them: what gates rejected, what a configuration cost, what 10⁶ would."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfbench.errors import DataError
from mfbench_tasks.pool.recipe import PoolRecipe

__all__ = ["Cost", "Projection", "cost", "dropped", "project", "read_reports", "rejections"]

_PROTEIN = {"residue", "contact", "hbond"}
"""Kinds of fragment that any protein yields."""
_KEYS = {
    "tried",
    "rejections",
    "configurations",
    "configurations_dropped_by_gate",
    "worst_finite_difference_eV_per_A",
    "cost",
}
"""What a build report has, of all that lies beside it."""


@dataclass(frozen=True)
class Cost:
    """CPU seconds in workers, of them in labels, and the configurations that they made."""

    configurations: int
    worker_seconds: float
    label_seconds: float

    @property
    def each(self) -> float:
        """CPU seconds per configuration: planning, relaxing, gates, sampling and its label."""
        return self.worker_seconds / self.configurations

    @property
    def label(self) -> float:
        """Seconds per label."""
        return self.label_seconds / self.configurations


@dataclass(frozen=True)
class Projection:
    """What a larger recipe would take, at the measured cost and size of a configuration."""

    entries: int
    configurations: int
    core_hours: float
    gibibytes: float


def read_reports(folder: Path) -> dict[str, dict[str, Any]]:
    """Build reports below a folder (``<pool>/<block>.json``, ``<split>/build_report.json``), by name.

    Raises:
        DataError: one is damaged.
    """
    out = {}
    for path in sorted(Path(folder).glob("*/*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{path} is not JSON ({error})") from None
        if isinstance(content, dict) and set(content) >= _KEYS:
            name = path.parent.name if path.stem == "build_report" else path.stem
            out[name] = content
    return out


def rejections(reports: dict[str, dict[str, Any]]) -> list[tuple[str, int, int, str]]:
    """Rows (kind of fragment, tried, rejected, gates with their counts), all reports together."""
    tried: Counter[str] = sum((Counter(r["tried"]) for r in reports.values()), Counter())
    gates = Counter((x["kind"], x["gate"]) for r in reports.values() for x in r["rejections"])
    rows = []
    for kind in sorted(tried):
        found = {gate: n for (of, gate), n in sorted(gates.items()) if of == kind}
        text = ", ".join(f"{gate} {n}" for gate, n in found.items()) or "none"
        rows.append((kind, tried[kind], sum(found.values()), text))
    return rows


def dropped(reports: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Gate → single configurations that it dropped from accepted fragments, where reports count them."""
    counts = [Counter(r["configurations_dropped_by_gate"] or {}) for r in reports.values()]
    return dict(sorted(sum(counts, Counter()).items()))


def cost(reports: dict[str, dict[str, Any]], part: str | None = None) -> Cost | None:
    """The sum over the reports that measured it; None where there is none.

    Args:
        part: ``proteins`` (fragments of proteins alone), ``deep`` (more configurations of fragments that
            were there before), ``others`` (sites, cofactors, larger cuts, ...), or all.
    """
    chosen = [r for r in reports.values() if r["cost"] and part in (None, _part(r))]
    made = sum(r["configurations"] for r in chosen)
    if not made:
        return None
    return Cost(
        made,
        sum(r["cost"]["worker_cpu_seconds"] for r in chosen),
        sum(r["cost"]["label_seconds"] for r in chosen),
    )


def _part(report: dict[str, Any]) -> str:
    if not report["tried"]:
        return "deep"
    return "proteins" if set(report["tried"]) <= _PROTEIN else "others"


def project(recipe: PoolRecipe, measured: Cost, bytes_each: float) -> Projection:
    """What a recipe of proteins would take.

    Args:
        measured: of protein fragments.
        bytes_each: stored bytes per configuration.
    """
    groups = [group for block in recipe.blocks for group in block.groups]
    support, query = (_frames(recipe, part) for part in ("support", "query"))
    held = len(recipe.plan.heldout)
    total = sum((g.size(recipe.plan) - held) * (support + query) + held * query for g in groups)
    entries = len(recipe.entries)
    return Projection(entries, total, total * measured.each / 3600, total * bytes_each / 2**30)


def _frames(recipe: PoolRecipe, part: str) -> int:
    lists: Sequence[list[int]] = [
        getattr(recipe.sampling, f"{part}_{how}_frames") for how in ("md", "displaced")
    ]
    return sum(map(sum, lists))
