"""What a comparison of constructions says of methods, arranged for figures."""

from __future__ import annotations

from dataclasses import dataclass

from mfbench.compare.comparison import Comparison, Gain, Score
from mfbench.protocol.catalogue import reference_lines

__all__ = ["GAINS", "Learned", "learned"]

GAINS = {"adaptation": "Error at K = 0 ÷ at K", "wrong-family": "Another family's labels ÷ its own"}
"""Kinds of gain, and what they are on an axis. At 1, a family's own labels taught nothing."""
_MOST = 8


@dataclass(frozen=True)
class Learned:
    """Methods on constructions, in one error at one K.

    Attributes:
        methods: in the order of their colours.
        left_out: methods that are only in the table, reference lines among them.
        constructions: in the order of the comparison.
        scores: (method, construction) → error.
        gains: kind → (method, construction) → gain.
    """

    methods: list[str]
    left_out: list[str]
    constructions: list[str]
    scores: dict[tuple[str, str], Score]
    gains: dict[str, dict[tuple[str, str], Gain]]


def learned(comparison: Comparison, metric: str, k: int) -> Learned:
    """Scores and gains; methods on the most constructions first, of which the first eight are drawn."""
    scores = {
        (s.method, s.construction): s
        for s in comparison.scores
        if (s.metric, s.k, s.query) == (metric, k, "all")
    }
    gains: dict[str, dict[tuple[str, str], Gain]] = {kind: {} for kind in GAINS}
    for g in comparison.gains:
        if (g.metric, g.k) == (metric, k) and g.kind in gains:
            gains[g.kind][g.method, g.construction] = g
    methods = {method for method, _ in scores} - set(reference_lines())
    spread = {m: sum((m, c.name) in scores for c in comparison.constructions) for m in methods}
    ordered = sorted(methods, key=lambda m: (-spread[m], m))
    names = [c.name for c in comparison.constructions]
    others = [*ordered[_MOST:], *sorted({m for m, _ in scores} - methods)]
    return Learned(ordered[:_MOST], others, names, scores, gains)
