"""An adapted model as a predictor: energies and forces in batches, corrected in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mfbench.baseline import EnergyBaseline, correction_operator
from mfbench.configuration import Configuration, Prediction
from mfbench.learned.mace_weights import MaceConfig
from mfbench.method import Usage
from mfbench_torch.models.graphs import GraphTable
from mfbench_torch.models.mace import energy_forces

__all__ = ["MacePredictor", "model_predictions"]

BATCH = 16
"""Configurations a forward pass."""


def model_predictions(
    params: dict[str, torch.Tensor], config: MaceConfig, configurations: Sequence[Configuration]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Interaction energies [n] in eV and forces (n arrays [atoms, 3]) in eV/Å."""
    if not configurations:
        return np.zeros(0), []
    weight = next(iter(params.values()))
    table = GraphTable(configurations, config)
    energies, forces = [], []
    for begin in range(0, len(configurations), BATCH):
        indices = np.arange(begin, min(begin + BATCH, len(configurations)))
        batch = table.take(indices, weight.dtype, weight.device)
        energy, force = (
            x.cpu().double().numpy() for x in energy_forces(params, config, batch, differentiable=False)
        )
        energies.append(energy)
        forces += np.split(force, np.cumsum(table.n_atoms[indices])[:-1])
    return np.concatenate(energies), forces


@dataclass(eq=False)
class MacePredictor:
    """Baseline + model + closed-form correction.

    Attributes:
        params, config: the adapted model.
        baseline: shared energy baseline.
        support: the labelled support set that the correction is solved on.
        usage: what the adaptation cost.
        scale: of the correction's prior.
    """

    params: dict[str, torch.Tensor]
    config: MaceConfig
    baseline: EnergyBaseline
    support: Sequence[Configuration]
    usage: Usage
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Solve nothing yet, but find what the model leaves on the support: [K] eV."""
        labels = np.array([c.energy for c in self.support])
        modelled, _ = model_predictions(self.params, self.config, self.support)
        self.residuals = labels - self.baseline.energies(self.support) - modelled

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Total energies (eV) and forces (eV/Å)."""
        energies, forces = model_predictions(self.params, self.config, configurations)
        correction = correction_operator(self.support, configurations, scale=self.scale) @ self.residuals
        total = self.baseline.energies(configurations) + energies + correction
        return [Prediction(float(e), f) for e, f in zip(total, forces, strict=True)]
