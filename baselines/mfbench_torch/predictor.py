"""Energies and forces of a network in batches, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.learned.architectures.registry import Config
from mfbench_torch.models.architecture import energy_forces
from mfbench_torch.models.graphs import GraphBatch, GraphTable

__all__ = ["model_predictions", "predictions"]

BATCH = 16
"""Configurations per forward pass."""

Modelled = tuple[np.ndarray, list[np.ndarray]]
"""Interaction energies [n] in eV and forces (n arrays [atoms, 3]) in eV/Å."""


def predictions(
    evaluate: Callable[[GraphBatch], tuple[torch.Tensor, torch.Tensor]],
    config: Config,
    configurations: Sequence[Configuration],
    dtype: torch.dtype,
    place: torch.device | str,
) -> Modelled:
    """What ``evaluate`` says of the configurations, batch by batch."""
    if not configurations:
        return np.zeros(0), []
    table = GraphTable(configurations, config)
    energies, forces = [], []
    for begin in range(0, len(configurations), BATCH):
        indices = np.arange(begin, min(begin + BATCH, len(configurations)))
        found = evaluate(table.take(indices, dtype, place))
        energy, force = (x.cpu().double().numpy() for x in found)
        energies.append(energy)
        forces += np.split(force, np.cumsum(table.n_atoms[indices])[:-1])
    return np.concatenate(energies), forces


def model_predictions(
    params: dict[str, torch.Tensor],
    config: Config,
    configurations: Sequence[Configuration],
    head: np.ndarray | None = None,
) -> Modelled:
    """Of our network with weights ``params``, in their dtype and on their device; a linear head adds."""
    weight = next(iter(params.values()))
    linear = None if head is None else torch.from_numpy(head).to(weight)

    def evaluate(batch: GraphBatch) -> tuple[torch.Tensor, torch.Tensor]:
        return energy_forces(params, config, batch, linear, differentiable=False)

    return predictions(evaluate, config, configurations, weight.dtype, weight.device)
