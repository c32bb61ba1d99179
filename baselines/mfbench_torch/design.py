"""Features of configurations and their derivatives, as ``ridge`` regresses on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.learned.architectures.registry import Config
from mfbench_torch.models.architecture import feature_forces
from mfbench_torch.models.graphs import GraphTable
from mfbench_torch.predictor import BATCH

__all__ = ["design_arrays"]


def design_arrays(
    params: dict[str, torch.Tensor], config: Config, configurations: Sequence[Configuration], count: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Features summed over atoms [n, p], and −∂/∂x of the first ``count``, each [3 atoms, p]."""
    table = GraphTable(configurations, config)
    weight = next(iter(params.values()))
    rows, jacobians = [], []
    for begin in range(0, len(configurations), BATCH):
        indices = np.arange(begin, min(begin + BATCH, len(configurations)))
        batch = table.take(indices, weight.dtype, weight.device)
        values, forces = feature_forces(params, config, batch, forces=begin < count)
        rows.append(values.cpu().double().numpy())
        if forces is not None:
            parts = np.split(forces.cpu().double().numpy(), np.cumsum(table.n_atoms[indices])[:-1], 1)
            jacobians += [part.reshape(len(part), -1).T for part in parts]
    return np.concatenate(rows), jacobians[:count]
