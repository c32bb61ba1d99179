"""Gradient adaptation to one support set, for any initialisation.

Two optimisers: ``sgd``, the inner loop of the meta-learners (fixed diagonal preconditioner, learned
step sizes where there are any), and ``adam``. Weights that do not adapt are constants. Both minimise the
loss that leaves out what the closed-form energy correction explains, and no step is longer than a bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch

from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.moving_weights import moving_arrays
from mfbench.learned.adaptation.recipe import AdaptSettings, averaging, step_sizes
from mfbench.learned.architectures.registry import Config
from mfbench_torch.adam import AdamState, adam_direction, adam_start
from mfbench_torch.data import Dataset
from mfbench_torch.meta.bound import limit_of
from mfbench_torch.meta.inner import Loss, gradient_of, inner_step, preconditioned
from mfbench_torch.meta.objective import LossWeights
from mfbench_torch.meta.steps import losses

__all__ = ["AdaptSettings", "Progress", "descend", "descend_on", "start"]

Params = dict[str, torch.Tensor]


class Progress(NamedTuple):
    """Attributes: optimizer: its state; average: of the weights that adapt, over the steps so far."""

    optimizer: AdamState | None
    average: Params


def start(params: Params, settings: AdaptSettings) -> Progress:
    """What there is before the first step.

    Raises:
        UnknownNameError: the optimiser is neither ``sgd`` nor ``adam``, or ``adapt`` fits no weight.
    """
    moving = moving_arrays(params, settings.adapt)
    if settings.optimizer == "adam":
        return Progress(adam_start(moving), moving)
    if settings.optimizer == "sgd":
        return Progress(None, moving)
    raise UnknownNameError(f"unknown optimizer '{settings.optimizer}': choose sgd or adam")


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
    weights = LossWeights(settings.energy_weight, settings.force_weight, settings.loss)
    loss, _ = losses(config, weights)
    return descend_on(loss, params, state, precondition, dataset, indices, settings, rates, sizes, keeps)


def descend_on(
    loss: Loss,
    params: Params,
    state: Progress,
    precondition: Params,
    dataset: Any,
    indices: np.ndarray,
    settings: AdaptSettings,
    rates: Mapping[str, np.ndarray] = MappingProxyType({}),
    sizes: np.ndarray | None = None,
    keeps: np.ndarray | None = None,
) -> tuple[Params, Progress]:
    """``descend`` on any loss of (weights, ``dataset.batch(row)``)."""
    moving = moving_arrays(params, settings.adapt)
    frozen = {k: v for k, v in params.items() if k not in moving}
    adam, average = state
    scales = {k: precondition[k] for k in moving} if adam is None else {}
    limit = limit_of(settings.bound, moving)

    def with_frozen(theta: Params, batch: Any) -> torch.Tensor:
        return loss({**frozen, **theta}, batch)

    sizes = step_sizes(settings, len(indices)) if sizes is None else sizes
    keeps = averaging(settings, len(indices)) if keeps is None else keeps
    for k, row in enumerate(indices):
        direction = gradient_of(with_frozen, moving, dataset.batch(row))
        factors = {name: float(value[k]) for name, value in rates.items() if name in scales}
        if adam is None:
            direction = preconditioned(direction, scales)
        else:
            direction, adam = adam_direction(direction, adam)
        moving = inner_step(moving, direction, float(sizes[k]), factors, limit)
        keep = float(keeps[k])
        average = {n: keep * a + (1.0 - keep) * moving[n] for n, a in average.items()} if keep else moving
    return {**frozen, **moving}, Progress(adam, average)
