"""Gradient adaptation to one support set, for any initialisation. Compiled once per shape.

Two optimisers: ``sgd``, the inner loop of the meta-learners (fixed diagonal preconditioner), and
``adam``. Both minimise the loss that leaves out what the closed-form energy correction explains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
import optax

from mfbench.errors import UnknownNameError
from mfbench.learned.adapting import AdaptSettings
from mfbench.learned.architectures import Config
from mfbench_jax.compiled import Compiled
from mfbench_jax.data import Dataset
from mfbench_jax.meta.objective import LossWeights, batch_loss
from mfbench_jax.models.architecture import energy_forces

__all__ = ["AdaptSettings", "batch_size", "descend", "start"]

Params = dict[str, jax.Array]
SIZES = (4, 8, 16)
CHUNK = 10
"""Steps in one compiled scan."""


def batch_size(count: int) -> int:
    """The padded size of a batch of ``count``: few shapes, few compilations."""
    return next((size for size in SIZES if size >= count), -(-count // SIZES[-1]) * SIZES[-1])


def start(params: Params, settings: AdaptSettings) -> Any:
    """The optimiser's state before the first step.

    Raises:
        UnknownNameError: the optimiser is neither ``sgd`` nor ``adam``.
    """
    return _optimizer(settings.optimizer).init(params)


def descend(
    params: Params,
    state: Any,
    precondition: Params,
    dataset: Dataset,
    indices: np.ndarray,
    config: Config,
    settings: AdaptSettings,
) -> tuple[Params, Any]:
    """One gradient step per row of ``indices`` ([steps, batch], into ``dataset``)."""
    run = _program(config, settings.optimizer, settings.energy_weight, settings.force_weight)
    size = batch_size(indices.shape[1])
    for begin in range(0, len(indices), CHUNK):
        batches = dataset.batches(indices[begin : begin + CHUNK], size)
        params, state = run(params, state, precondition, batches, np.float32(settings.rate))
    return params, state


def _optimizer(name: str) -> optax.GradientTransformation:
    if name == "adam":
        return optax.scale_by_adam()
    if name == "sgd":
        return optax.identity()
    raise UnknownNameError(f"unknown optimizer '{name}': choose sgd or adam")


@lru_cache(maxsize=16)
def _program(config: Config, optimizer: str, energy_weight: float, force_weight: float) -> Callable:
    transform = _optimizer(optimizer)
    model = partial(_energy_forces, config)
    weights = LossWeights(energy_weight, force_weight)

    def run(params, state, precondition, batches, rate):
        def step(carry, batch):
            params, state = carry
            gradient = jax.grad(batch_loss)(params, model, *batch, weights)
            if optimizer == "sgd":
                gradient = jax.tree.map(lambda g, p: g * p, gradient, precondition)
            updates, state = transform.update(gradient, state, params)
            return (jax.tree.map(lambda p, u: p - rate * u, params, updates), state), None

        (params, state), _ = jax.lax.scan(step, (params, state), batches)
        return params, state

    return Compiled(run)


def _energy_forces(config: Config, params: Params, batch: Any) -> tuple[jax.Array, jax.Array]:
    return energy_forces(params, config, batch)
