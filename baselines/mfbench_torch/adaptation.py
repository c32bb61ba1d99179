"""Gradient adaptation to one support set, for any initialisation.

Two optimisers: ``sgd``, the inner loop of the meta-learners (fixed diagonal preconditioner, learned
step sizes where there are any), and ``adam``. Weights that do not adapt are constants. Both minimise the
loss that leaves out what the closed-form energy correction explains.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.moving_weights import moving_arrays
from mfbench.learned.adaptation.recipe import AdaptSettings, step_sizes
from mfbench.learned.architectures.registry import Config
from mfbench_torch.adam import AdamState, adam_direction, adam_start
from mfbench_torch.data import Dataset
from mfbench_torch.meta.inner import gradient_of, inner_step, preconditioned
from mfbench_torch.meta.objective import LossWeights
from mfbench_torch.meta.steps import losses

__all__ = ["AdaptSettings", "descend", "start"]

Params = dict[str, torch.Tensor]


def start(params: Params, settings: AdaptSettings) -> AdamState | None:
    """The optimiser's state before the first step.

    Raises:
        UnknownNameError: the optimiser is neither ``sgd`` nor ``adam``, or ``adapt`` fits no weight.
    """
    if settings.optimizer == "adam":
        return adam_start(moving_arrays(params, settings.adapt))
    if settings.optimizer == "sgd":
        return None
    raise UnknownNameError(f"unknown optimizer '{settings.optimizer}': choose sgd or adam")


def descend(
    params: Params,
    state: AdamState | None,
    precondition: Params,
    dataset: Dataset,
    indices: np.ndarray,
    config: Config,
    settings: AdaptSettings,
    rates: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> tuple[Params, AdamState | None]:
    """One gradient step per row of ``indices`` ([steps, batch], into ``dataset``), which are a whole
    adaptation as far as the decay of the step size goes.

    ``rates`` are factors [steps] of the step size by the name of the weight, for ``sgd``.
    """
    moving = moving_arrays(params, settings.adapt)
    frozen = {k: v for k, v in params.items() if k not in moving}
    scales = {k: precondition[k] for k in moving} if state is None else {}
    loss, _ = losses(config, LossWeights(settings.energy_weight, settings.force_weight))

    def with_frozen(theta: Params, batch: Any) -> torch.Tensor:
        return loss({**frozen, **theta}, batch)

    sizes = step_sizes(settings, len(indices))
    for k, row in enumerate(indices):
        direction = gradient_of(with_frozen, moving, dataset.batch(row))
        factors = {name: float(value[k]) for name, value in rates.items() if name in scales}
        if state is None:
            direction = preconditioned(direction, scales)
        else:
            direction, state = adam_direction(direction, state)
        moving = inner_step(moving, direction, float(sizes[k]), factors)
    return {**frozen, **moving}, state
