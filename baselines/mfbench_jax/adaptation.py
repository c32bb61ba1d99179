"""Gradient adaptation to one support set, for any initialisation. Compiled once per shape.

Two optimisers: ``sgd``, the inner loop of the meta-learners (fixed diagonal preconditioner, learned
step sizes where there are any), and ``adam``. Weights that do not adapt are constants. Both minimise the
loss that leaves out what the closed-form energy correction explains, and no step is longer than a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.moving_weights import moving_arrays
from mfbench.learned.adaptation.recipe import AdaptSettings, averaging, step_sizes
from mfbench.learned.architectures.registry import Config
from mfbench_jax.compiled import Compiled
from mfbench_jax.data import Dataset
from mfbench_jax.meta.bound import limit_of
from mfbench_jax.meta.inner import inner_step, preconditioned
from mfbench_jax.meta.objective import LossWeights, batch_loss
from mfbench_jax.models.architecture import energy_forces

__all__ = ["AdaptSettings", "Progress", "batch_size", "descend", "start"]

Params = dict[str, jax.Array]
SIZES = (4, 8, 16)
CHUNK = 10
"""Steps in one compiled scan."""


class Progress(NamedTuple):
    """Attributes: optimizer: its state; average: of the weights that adapt, over the steps so far."""

    optimizer: Any
    average: Params


def batch_size(count: int) -> int:
    """The padded size of a batch of ``count``: few shapes, few compilations."""
    return next((size for size in SIZES if size >= count), -(-count // SIZES[-1]) * SIZES[-1])


def start(params: Params, settings: AdaptSettings) -> Progress:
    """What there is before the first step.

    Raises:
        UnknownNameError: the optimiser is neither ``sgd`` nor ``adam``, or ``adapt`` fits no weight.
    """
    moving = moving_arrays(params, settings.adapt)
    return Progress(_optimizer(settings.optimizer).init(moving), moving)


def descend(
    params: Params,
    state: Progress,
    precondition: Params,
    dataset: Dataset,
    indices: np.ndarray,
    config: Config,
    settings: AdaptSettings,
    rates: Mapping[str, np.ndarray] = MappingProxyType({}),
    sizes: np.ndarray | None = None,
    keeps: np.ndarray | None = None,
) -> tuple[Params, Progress]:
    """One gradient step per row of ``indices`` ([steps, batch], into ``dataset``).

    ``rates`` are factors [steps] of the step size by the name of the weight, for ``sgd``. ``sizes`` and
    ``keeps`` are those of the steps, see ``fit``; if not given, the rows are a whole adaptation.
    """
    moving = moving_arrays(params, settings.adapt)
    frozen = {k: v for k, v in params.items() if k not in moving}
    scales = {k: precondition[k] for k in moving} if settings.optimizer == "sgd" else {}
    weights = LossWeights(settings.energy_weight, settings.force_weight, settings.loss)
    run, limit = _program(config, settings.optimizer, weights), limit_of(settings.bound, moving)
    size = batch_size(indices.shape[1])
    sizes = step_sizes(settings, len(indices)) if sizes is None else sizes
    keeps = averaging(settings, len(indices)) if keeps is None else keeps
    sizes, keeps = sizes.astype(np.float32), keeps.astype(np.float32)
    for begin in range(0, len(indices), CHUNK):
        part = slice(begin, begin + CHUNK)
        batches = dataset.batches(indices[part], size)
        factors = {k: v[part] for k, v in rates.items() if k in scales}
        visited = batches, factors, sizes[part], keeps[part]
        moving, state = run(moving, frozen, state, scales, limit, visited)
    return {**frozen, **moving}, state


def _optimizer(name: str) -> optax.GradientTransformation:
    if name == "adam":
        return optax.scale_by_adam()
    if name == "sgd":
        return optax.identity()
    raise UnknownNameError(f"unknown optimizer '{name}': choose sgd or adam")


@lru_cache(maxsize=16)
def _program(config: Config, optimizer: str, weights: LossWeights) -> Callable:
    transform = _optimizer(optimizer)
    model = partial(_energy_forces, config)

    def run(moving, frozen, state, precondition, limit, visited):
        def loss(moving, batch):
            return batch_loss({**frozen, **moving}, model, *batch, weights)

        def step(carry, visited):
            moving, state = carry
            batch, factors, rate, keep = visited
            direction = jax.grad(loss)(moving, batch)
            if optimizer == "sgd":
                direction = preconditioned(direction, precondition)
            direction, optimizer_state = transform.update(direction, state.optimizer, moving)
            moving = inner_step(moving, direction, rate, factors, limit)
            average = jax.tree.map(lambda a, m: keep * a + (1.0 - keep) * m, state.average, moving)
            return (moving, Progress(optimizer_state, average)), None

        (moving, state), _ = jax.lax.scan(step, (moving, state), visited)
        return moving, state

    return Compiled(run)


def _energy_forces(config: Config, params: Params, batch: Any) -> tuple[jax.Array, jax.Array]:
    return energy_forces(params, config, batch)
