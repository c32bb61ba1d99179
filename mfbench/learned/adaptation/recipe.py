"""How a model adapts to a support set: tuned on validation families, the same in every backend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.errors import UnknownNameError

__all__ = ["DECAYS", "AdaptSettings", "ScratchSettings", "step_sizes"]

DECAYS = ("none", "cosine")


@dataclass(frozen=True)
class AdaptSettings:
    """How an initialisation adapts; tuned on validation families.

    Attributes:
        optimizer: ``sgd`` or ``adam``.
        rate: step size.
        energy_weight, force_weight: of the loss, 1/eV² and Å²/eV².
        adapt: weights that move, see ``mfbench.learned.adaptation.moving_weights``; where nothing else is
        said, those of the inner loop that was trained.
        max_steps: at most so many steps, if the budget allows more.
        decay: of the step size over the adaptation: ``none``, or ``cosine``, half a wave that starts at
            ``rate`` and would reach zero one step after the last.
    """

    optimizer: str = "sgd"
    rate: float = 1e-3
    energy_weight: float = 1.0
    force_weight: float = 1.0
    adapt: str = "all"
    max_steps: int = 1_000_000
    decay: str = "none"


def step_sizes(settings: AdaptSettings, steps: int) -> np.ndarray:
    """[steps] step size of each step, float64.

    Raises:
        UnknownNameError: no such decay.
    """
    if settings.decay not in DECAYS:
        raise UnknownNameError(f"unknown decay '{settings.decay}': choose {' or '.join(DECAYS)}")
    if settings.decay == "none":
        return np.full(steps, settings.rate)
    return settings.rate * 0.5 * (1.0 + np.cos(np.pi * np.arange(steps) / max(steps, 1)))


@dataclass(frozen=True)
class ScratchSettings:
    """How the network is trained.

    Attributes:
        rate: Adam's.
        steps: at most so many.
        batch: configurations per step.
        check: steps between two looks at the held-back fifth of the support.
        patience: looks without improvement before it stops.
        prior_scale: of the closed-form correction's prior, in the loss and in the predictions: below 1
            the network has to learn offsets that a wide prior would explain away.
    """

    rate: float = 1e-2
    steps: int = 2000
    batch: int = 4
    check: int = 50
    patience: int = 10
    prior_scale: float = 1.0
