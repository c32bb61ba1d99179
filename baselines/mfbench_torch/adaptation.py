"""Gradient adaptation to one support set, for any initialisation.

Three optimisers: ``sgd``, the inner loop of the meta-learners (fixed diagonal preconditioner, learned
step sizes where there are any), ``adam`` and ``lbfgs``. Weights that do not adapt are constants. All
minimise the loss that leaves out what the closed-form energy correction explains, and no step is longer
than a bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch

from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.lbfgs import LbfgsState, lbfgs_direction, lbfgs_start, same_as_before
from mfbench.learned.adaptation.moving_weights import moving_arrays, scales_of
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

    optimizer: AdamState | LbfgsState | None
    average: Params


def start(params: Params, settings: AdaptSettings) -> Progress:
    """What there is before the first step.

    Raises:
        UnknownNameError: there is no such optimiser, ``adapt`` fits no weight, or ``sgd`` has no
            preconditioner for what adapts.
    """
    moving = moving_arrays(params, settings.adapt)
    if settings.optimizer == "adam":
        return Progress(adam_start(moving), moving)
    if settings.optimizer == "lbfgs":
        return Progress(lbfgs_start(_flat(moving)), moving)
    if settings.optimizer == "sgd":
        return Progress(None, moving)
    raise UnknownNameError(f"unknown optimizer '{settings.optimizer}': choose sgd, adam or lbfgs")


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
    progress, average = state
    scales = scales_of(precondition, moving) if progress is None else {}
    same = same_as_before(indices)
    limit = limit_of(settings.bound, moving)

    def with_frozen(theta: Params, batch: Any) -> torch.Tensor:
        return loss({**frozen, **theta}, batch)

    sizes = step_sizes(settings, len(indices)) if sizes is None else sizes
    keeps = averaging(settings, len(indices)) if keeps is None else keeps
    for k, row in enumerate(indices):
        direction = gradient_of(with_frozen, moving, dataset.batch(row))
        factors = {name: float(value[k]) for name, value in rates.items() if name in scales}
        if progress is None:
            direction = preconditioned(direction, scales)
        elif isinstance(progress, LbfgsState):
            flat = _flat(moving), _flat(direction), float(same[k])
            progress, found = lbfgs_direction(progress, *flat)
            direction = _like(moving, found)
        else:
            direction, progress = adam_direction(direction, progress)
        moving = inner_step(moving, direction, float(sizes[k]), factors, limit)
        keep = float(keeps[k])
        average = {n: keep * a + (1.0 - keep) * moving[n] for n, a in average.items()} if keep else moving
    return {**frozen, **moving}, Progress(progress, average)


def _flat(params: Params) -> torch.Tensor:
    return torch.cat([params[name].reshape(-1) for name in sorted(params)])


def _like(params: Params, flat: torch.Tensor) -> Params:
    names = sorted(params)
    parts = flat.split([params[name].numel() for name in names])
    return {name: part.reshape(params[name].shape) for name, part in zip(names, parts, strict=True)}
