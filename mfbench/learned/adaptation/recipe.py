"""How a model adapts to a support set: tuned on validation families, the same in every backend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.errors import UnknownNameError

__all__ = ["CONVERGED", "DECAYS", "AdaptSettings", "ScratchSettings", "averaging", "step_sizes"]

DECAYS = ("none", "cosine")


@dataclass(frozen=True)
class AdaptSettings:
    """How an initialisation adapts; tuned on validation families.

    Attributes:
        optimizer: ``sgd``, ``adam`` or ``lbfgs``.
        rate: step size.
        energy_weight, force_weight: of the loss; 1/eV² and Å²/eV², or 1/eV and Å/eV if it is not squared.
        adapt: weights that move, see ``mfbench.learned.adaptation.moving_weights``; where nothing else is
            said, those of the inner loop that was trained.
        max_steps: at most so many steps, if the budget allows more.
        decay: of the step size over the adaptation: ``none``, or ``cosine``, half a wave that starts at
            ``rate`` and would reach zero one step after the last.
        warm_up: steps over which the step size grows to what it would be without.
        loss: what is minimised, see ``mfbench.learned.training.losses``.
        average: decay of the exponential moving average of the weights that is predicted with; 0: the last
            weights.
        bound: no step moves the weights by more than this in root mean square (they are of order 1), which
            no loss can make diverge; 0: no bound.
        batch: configurations per step, if fewer than the budget allows; 0: what it allows.
        check: steps between two looks at a fifth of the support that is held back (where there are two
            configurations or more); the best weights of all looks are taken. 0: nothing is held back.
        patience: looks without improvement before it stops.
        begin: where the start has weights of each train level's own (a readout, a context): from the
            ``best`` of them and their mean, by the loss on the support, or from the ``mean``.
        lora_rank: of the additions that move if ``adapt`` is ``lora``.
    """

    optimizer: str = "sgd"
    rate: float = 1e-3
    energy_weight: float = 1.0
    force_weight: float = 1.0
    adapt: str = "all"
    max_steps: int = 1_000_000
    decay: str = "none"
    warm_up: int = 0
    loss: str = "squared"
    average: float = 0.0
    bound: float = 0.0
    batch: int = 0
    check: int = 0
    patience: int = 10
    begin: str = "best"
    lora_rank: int = 4


CONVERGED = AdaptSettings(
    optimizer="adam",
    rate=1e-2,
    energy_weight=0.2,
    max_steps=2_000,
    decay="cosine",
    warm_up=20,
    loss="l1",
    average=0.99,
    bound=0.1,
    batch=4,
    check=100,
)
"""What practitioners do with a network that they fine-tune: the start of every method's search on the track
``converged`` (at most 2,000 steps of 4), ``scratch`` included."""


def step_sizes(settings: AdaptSettings, steps: int) -> np.ndarray:
    """[steps] step size of each step, float64.

    Raises:
        UnknownNameError: no such decay.
    """
    if settings.decay not in DECAYS:
        raise UnknownNameError(f"unknown decay '{settings.decay}': choose {' or '.join(DECAYS)}")
    number = np.arange(steps)
    sizes = np.full(steps, settings.rate)
    if settings.decay == "cosine":
        sizes = settings.rate * 0.5 * (1.0 + np.cos(np.pi * number / max(steps, 1)))
    return sizes * np.minimum((number + 1.0) / (settings.warm_up + 1.0), 1.0) if settings.warm_up else sizes


def averaging(settings: AdaptSettings, steps: int) -> np.ndarray:
    """[steps] share of the old average that each step keeps; it grows to ``average`` as steps are taken."""
    number = np.arange(steps)
    return np.minimum(settings.average, (1.0 + number) / (10.0 + number))


@dataclass(frozen=True)
class ScratchSettings:
    """How the network is trained.

    Attributes:
        rate: step size of the optimizer.
        steps: at most so many.
        batch: configurations per step.
        check: steps between two looks at the held-back fifth of the support.
        patience: looks without improvement before it stops.
        prior_scale: of the closed-form correction's prior, in the loss and in the predictions: below 1
            the network has to learn offsets that a wide prior would explain away.
        loss, energy_weight, decay, warm_up, average, bound: as in ``AdaptSettings``.
        optimizer: ``adam`` or ``lbfgs``: random weights have no preconditioner.
    """

    rate: float = 1e-2
    steps: int = 2000
    batch: int = 4
    check: int = 50
    patience: int = 10
    prior_scale: float = 1.0
    loss: str = "squared"
    energy_weight: float = 1.0
    decay: str = "none"
    warm_up: int = 0
    average: float = 0.0
    bound: float = 0.0
    optimizer: str = "adam"

    @property
    def recipe(self) -> AdaptSettings:
        """The same as a recipe: all weights move, with early stopping."""
        return AdaptSettings(
            optimizer=self.optimizer,
            rate=self.rate,
            energy_weight=self.energy_weight,
            max_steps=self.steps,
            decay=self.decay,
            warm_up=self.warm_up,
            loss=self.loss,
            average=self.average,
            bound=self.bound,
            batch=self.batch,
            check=self.check,
            patience=self.patience,
        )
