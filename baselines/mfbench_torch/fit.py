"""An initialisation adapted to a support set by its recipe, see ``mfbench.learned.adaptation.fit``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mfbench.learned.adaptation.fit import Steps, fit_support
from mfbench.learned.adaptation.inner_rates import rates_of_steps
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import Config
from mfbench.protocol.method import Budget
from mfbench_torch.adaptation import averaged, descend, start
from mfbench_torch.checkpoint import Checkpoint
from mfbench_torch.data import Dataset
from mfbench_torch.meta.objective import LossWeights
from mfbench_torch.meta.steps import losses

__all__ = ["fitted"]

Params = dict[str, torch.Tensor]
LOOK = 16
"""Configurations per forward pass of a look at what is held back."""


def fitted(
    checkpoint: Checkpoint, dataset: Dataset, settings: AdaptSettings, budget: Budget, seed: int
) -> tuple[Params, int]:
    """Adapted weights, and the configuration-gradients that they took; all tensors on one device."""
    config, precondition = checkpoint.config, checkpoint.precondition
    rates = rates_of_steps(checkpoint.rates, checkpoint.params, min(budget.steps, settings.max_steps))

    def go_on(state: Any, steps: Steps) -> Any:
        params, progress = state
        part = slice(steps.first, steps.first + len(steps.rows))
        factors = {name: value[part] for name, value in rates.items()}
        made = dataset, steps.rows, config, settings, factors, steps.sizes, steps.keeps
        return descend(params, progress, precondition, *made)

    def loss(state: Any, indices: np.ndarray) -> float:
        return held_back_loss(averaged(*state, settings), config, dataset, indices, settings)

    begin = checkpoint.params, start(checkpoint.params, settings)
    state, gradients = fit_support(begin, len(dataset), settings, budget, seed, go_on, loss)
    return averaged(*state, settings), gradients


def held_back_loss(
    params: Params, config: Config, dataset: Dataset, indices: np.ndarray, settings: AdaptSettings
) -> float:
    """Mean loss over some configurations."""
    loss, _ = losses(config, LossWeights(settings.energy_weight, settings.force_weight, settings.loss))
    chunks = [indices[i : i + LOOK] for i in range(0, len(indices), LOOK)]
    return sum(len(c) * float(loss(params, dataset.batch(c)).detach()) for c in chunks) / len(indices)
