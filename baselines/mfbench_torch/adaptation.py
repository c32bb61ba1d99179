"""Gradient adaptation to one support set, for any initialisation.

Two optimisers: ``sgd``, the inner loop of the meta-learners (fixed diagonal preconditioner), and
``adam``. Both minimise the loss that leaves out what the closed-form energy correction explains.
"""

from __future__ import annotations

import numpy as np
import torch

from mfbench.errors import UnknownNameError
from mfbench.learned.adapting import AdaptSettings
from mfbench.learned.architectures import Config
from mfbench_torch.adam import AdamState, adam_direction, adam_start
from mfbench_torch.data import Dataset
from mfbench_torch.meta.inner import gradient_of, preconditioned
from mfbench_torch.meta.objective import LossWeights
from mfbench_torch.meta.steps import losses

__all__ = ["AdaptSettings", "descend", "start"]

Params = dict[str, torch.Tensor]


def start(params: Params, settings: AdaptSettings) -> AdamState | None:
    """The optimiser's state before the first step.

    Raises:
        UnknownNameError: the optimiser is neither ``sgd`` nor ``adam``.
    """
    if settings.optimizer == "adam":
        return adam_start(params)
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
) -> tuple[Params, AdamState | None]:
    """One gradient step per row of ``indices`` ([steps, batch], into ``dataset``)."""
    loss, _ = losses(config, LossWeights(settings.energy_weight, settings.force_weight))
    for row in indices:
        direction = gradient_of(loss, params, dataset.batch(row))
        if state is None:
            direction = preconditioned(direction, precondition)
        else:
            direction, state = adam_direction(direction, state)
        params = {name: value - settings.rate * direction[name] for name, value in params.items()}
    return params, state
