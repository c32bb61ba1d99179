"""The questions that are measured, by name: what each measures, and its table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mfbench_campaign.limits import inner_steps, overfitting
from mfbench_campaign.limits.coverage import measure as coverage
from mfbench_campaign.limits.forgetting import measure as forgetting
from mfbench_campaign.limits.label_worth import measure as label_factor
from mfbench_campaign.limits.measured import Measured, Measurement
from mfbench_campaign.limits.setting import Setting

__all__ = ["QUESTIONS", "Question"]


class Question(NamedTuple):
    """One question: whose methods are measured, what has to be measured of one, and the table of it."""

    methods: Sequence[str]
    measurements: Callable[[Setting, str, Callable[[], None]], list[Measurement]]
    table: Callable[[Sequence[Measured]], str]


QUESTIONS = {
    name: Question(module.METHODS, module.measurements, module.table)
    for name, module in {
        "forgetting": forgetting,
        "steps": inner_steps,
        "coverage": coverage,
        "overfitting": overfitting,
        "label_factor": label_factor,
    }.items()
}
