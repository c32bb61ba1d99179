"""The questions that are measured, by name: what each measures, and its table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mfbench_campaign.limits import inner_steps, overfitting
from mfbench_campaign.limits.coverage import measure as coverage
from mfbench_campaign.limits.forgetting import measure as forgetting
from mfbench_campaign.limits.label_worth import measure as label_factor
from mfbench_campaign.limits.measured import Measured, Measurement
from mfbench_campaign.limits.setting import Setting

__all__ = ["QUESTIONS", "Question"]


class Question(Protocol):
    """A module that answers one question."""

    METHODS: Sequence[str]

    @staticmethod
    def measurements(setting: Setting, method: str, advance: Callable[[], None]) -> list[Measurement]:
        """What has to be measured of a method; ``advance`` is called after every family."""
        ...

    @staticmethod
    def table(measured: Sequence[Measured]) -> str:
        """Markdown of what was measured."""
        ...


QUESTIONS: dict[str, Question] = {
    "forgetting": forgetting,
    "steps": inner_steps,
    "coverage": coverage,
    "overfitting": overfitting,
    "label_factor": label_factor,
}
