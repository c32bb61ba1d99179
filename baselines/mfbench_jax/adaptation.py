"""Gradient adaptation to one support set, for any initialisation. Compiled once per shape.

Three optimisers: ``sgd``, the inner loop of the meta-learners (fixed diagonal preconditioner, learned
step sizes where there are any), ``adam`` and ``lbfgs``. Weights that do not adapt are constants. All
minimise the loss that leaves out what the closed-form energy correction explains, and no step is longer
than a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.lbfgs import lbfgs_direction, lbfgs_start, same_as_before
from mfbench.learned.adaptation.moving_weights import moving_arrays, scales_of
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
        UnknownNameError: there is no such optimiser, ``adapt`` fits no weight, or ``sgd`` has no
            preconditioner for what adapts.
    """
    moving = moving_arrays(params, settings.adapt)
    if settings.optimizer == "lbfgs":
        return Progress(lbfgs_start(ravel_pytree(moving)[0]), moving)
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
    scales = scales_of(precondition, moving) if settings.optimizer == "sgd" else {}
    run, limit = _program(config, settings.optimizer, settings.loss), limit_of(settings.bound, moving)
    weights = np.float32(settings.energy_weight), np.float32(settings.force_weight)
    size = batch_size(indices.shape[1])
    sizes = step_sizes(settings, len(indices)) if sizes is None else sizes
    keeps = averaging(settings, len(indices)) if keeps is None else keeps
    sizes, keeps = sizes.astype(np.float32), keeps.astype(np.float32)
    same = (same_as_before(indices),) if settings.optimizer == "lbfgs" else ()
    for begin in range(0, len(indices), CHUNK):
        part = slice(begin, begin + CHUNK)
        batches = dataset.batches(indices[part], size)
        factors = {k: v[part] for k, v in rates.items() if k in scales}
        visited = batches, factors, sizes[part], keeps[part], *(flags[part] for flags in same)
        moving, state = run(moving, frozen, state, scales, limit, weights, visited)
    return {**frozen, **moving}, state


def _optimizer(name: str) -> optax.GradientTransformation:
    if name == "adam":
        return optax.scale_by_adam()
    if name == "sgd":
        return optax.identity()
    raise UnknownNameError(f"unknown optimizer '{name}': choose sgd, adam or lbfgs")


@lru_cache(maxsize=16)
def _program(config: Config, optimizer: str, kind: str) -> Callable:
    """One program for all weights of energy and forces."""
    transform = None if optimizer == "lbfgs" else _optimizer(optimizer)
    model = partial(_energy_forces, config)

    def run(moving, frozen, state, precondition, limit, weights, visited):
        def loss(moving, batch):
            return batch_loss({**frozen, **moving}, model, *batch, LossWeights(*weights, kind))

        def step(carry, visited):
            moving, state = carry
            batch, factors, rate, keep, *same = visited
            direction = jax.grad(loss)(moving, batch)
            if optimizer == "sgd":
                direction = preconditioned(direction, precondition)
            if transform is None:
                position, unravel = ravel_pytree(moving)
                flat = position, ravel_pytree(direction)[0], *same
                optimizer_state, found = lbfgs_direction(state.optimizer, *flat)
                direction = unravel(found)
            else:
                direction, optimizer_state = transform.update(direction, state.optimizer, moving)
            moving = inner_step(moving, direction, rate, factors, limit)
            average = jax.tree.map(lambda a, m: keep * a + (1.0 - keep) * m, state.average, moving)
            return (moving, Progress(optimizer_state, average)), None

        (moving, state), _ = jax.lax.scan(step, (moving, state), visited)
        return moving, state

    return Compiled(run)


def _energy_forces(config: Config, params: Params, batch: Any) -> tuple[jax.Array, jax.Array]:
    return energy_forces(params, config, batch)
