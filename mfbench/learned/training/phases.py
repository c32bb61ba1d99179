"""A stretch of optimisation, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Phase", "PhaseResult"]

Params = dict[str, Any]


@dataclass(frozen=True)
class Phase:
    """One stretch of optimisation.

    Attributes:
        name: ``joint`` or the method's.
        steps: optimiser steps.
        rate: peak rate; cosine decay to ``final_rate``.
        gradient: (params, step) → loss, gradient.
        validate: params → dict of validation errors; called ``validations`` times.
        gradients_after: n → configuration-gradients of the first n steps, for the card.
        validations: so many looks at the validation families, spread evenly.
        seconds: end early, resumably, once the phase has run so long in this process.
    """

    name: str
    steps: int
    rate: float
    final_rate: float
    clip: float
    gradient: Callable[[Params, int], tuple[Any, Params]]
    validate: Callable[[Params], dict[str, float]]
    gradients_after: Callable[[int], int]
    validations: int = 12
    seconds: float = float("inf")


@dataclass(frozen=True)
class PhaseResult:
    """Parameters, Adam's second moments, and what the card says of the phase."""

    params: Params
    second_moments: Params
    record: dict[str, Any]
