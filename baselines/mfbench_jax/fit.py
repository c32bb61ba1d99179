"""An initialisation adapted to a support set by its recipe, see ``mfbench.learned.adaptation.fit``."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np

from mfbench.learned.adaptation.fit import Steps, fit_support
from mfbench.learned.adaptation.inner_rates import rates_of_steps
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import Config
from mfbench.protocol.method import Budget
from mfbench_jax.adaptation import averaged, batch_size, descend, start
from mfbench_jax.checkpoint import Checkpoint
from mfbench_jax.compiled import Compiled
from mfbench_jax.data import Dataset
from mfbench_jax.meta.objective import LossWeights, batch_loss
from mfbench_jax.models.architecture import energy_forces

__all__ = ["fitted"]

Params = dict[str, jax.Array]
LOOK = 16
"""Configurations per forward pass of a look at what is held back."""


def fitted(
    checkpoint: Checkpoint, dataset: Dataset, settings: AdaptSettings, budget: Budget, seed: int
) -> tuple[Params, int]:
    """Adapted weights, and the configuration-gradients that they took."""
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
    run = _loss_program(config, LossWeights(settings.energy_weight, settings.force_weight, settings.loss))
    chunks = [indices[i : i + LOOK] for i in range(0, len(indices), LOOK)]
    losses = [len(c) * float(run(params, dataset.batch(c, batch_size(len(c))))) for c in chunks]
    return sum(losses) / len(indices)


@lru_cache(maxsize=8)
def _loss_program(config: Config, weights: LossWeights) -> Compiled:
    model = partial(_energy_forces, config)
    return Compiled(lambda params, batch: batch_loss(params, model, *batch, weights))


def _energy_forces(config: Config, params: Params, batch: Any) -> tuple[jax.Array, jax.Array]:
    return energy_forces(params, config, batch)
