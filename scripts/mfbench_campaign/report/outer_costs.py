"""What an outer step costs: seconds against the number of inner steps, from scripts/bench_meta.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.text import markdown

__all__ = ["inner_share", "outer_table"]

STEPS = (1, 5, 20)


def inner_share(seconds: Mapping[int, float], n: int = 5) -> float:
    """Share of an outer step's time at ``n`` inner steps that grows with them: slope · n / time."""
    slope = (seconds[20] - seconds[n]) / (20 - n)
    return slope * n / seconds[n]


def outer_table(report: Mapping[str, Any]) -> str:
    """Seconds of CPU of one task's outer step by method and backend, over FOMAML's, and the inner share."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for key, value in report["outer_seconds"].items():
        backend, method, steps = key.split()
        found.setdefault((backend, method), {})[int(steps.removeprefix("n="))] = value
    rows = [
        [
            backend,
            f"`{method}`",
            *(f"{seconds[n]:.2f}" for n in STEPS),
            f"{seconds[5] / found[backend, 'fomaml'][5]:.2f}",
            f"{inner_share(seconds):.0%}".replace("%", " %"),
        ]
        for (backend, method), seconds in sorted(found.items())
    ]
    head = ["backend", "method", *(f"n = {n}, s" for n in STEPS), "÷ FOMAML, n = 5", "inner passes, n = 5"]
    return markdown(head, rows)
