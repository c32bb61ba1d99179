"""A finding of RESULTS.md: a question, its answer in a sentence or two, and a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mfbench.metrics.statistics import Interval
from mfbench_campaign.render import render_line

__all__ = ["Answer", "verdict"]


@dataclass(frozen=True)
class Answer:
    """A finding.

    Attributes:
        question: that it answers.
        text: one or two sentences.
        figure: its file in ``docs``.
    """

    question: str
    text: str
    figure: str

    @classmethod
    def of(cls, name: str, question: str, figure: str, **values: Any) -> Answer:
        """From the template of that name."""
        return cls(question, render_line(f"answers/{name}.md", **values), figure)


def verdict(value: Interval) -> str:
    """Of a ratio rival ÷ own: ``better``, ``worse`` or ``not told apart``."""
    return "better" if value.lo > 1 else "worse" if value.hi < 1 else "not told apart"
