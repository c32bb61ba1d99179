"""An adapted model as a predictor: energies and forces in batches, corrected in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mfbench.data.configuration import Configuration, Prediction
from mfbench.learned.architectures.registry import Config
from mfbench.methods.energy_baseline import EnergyBaseline, correction_operator
from mfbench.protocol.method import Usage
from mfbench_torch.models.architecture import energy_forces
from mfbench_torch.models.graphs import GraphBatch, GraphTable

__all__ = ["CorrectedPredictor", "model_predictions", "network_predictor", "predictions"]

BATCH = 16
"""Configurations a forward pass."""

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


def network_predictor(
    params: dict[str, torch.Tensor],
    config: Config,
    baseline: EnergyBaseline,
    support: Sequence[Configuration],
    usage: Usage,
    scale: float = 1.0,
    head: np.ndarray | None = None,
) -> CorrectedPredictor:
    """Our network with adapted weights, and a linear head [F] on its features, as a predictor."""
    return CorrectedPredictor(
        lambda configurations: model_predictions(params, config, configurations, head),
        baseline,
        support,
        usage,
        scale,
        {name: value.detach().cpu() for name, value in params.items()},
    )


@dataclass(eq=False)
class CorrectedPredictor:
    """Baseline + model + closed-form correction.

    Attributes:
        model: configurations → interaction energies and forces of the adapted model.
        baseline: shared energy baseline.
        support: the labelled support set that the correction is solved on.
        usage: what the adaptation cost.
        scale: of the correction's prior.
        params: name → weight of the adapted model, as far as it shows them.
    """

    model: Callable[[Sequence[Configuration]], Modelled]
    baseline: EnergyBaseline
    support: Sequence[Configuration]
    usage: Usage
    scale: float = 1.0
    params: dict[str, torch.Tensor] | None = None

    def __post_init__(self) -> None:
        """Solve nothing yet, but find what the model leaves on the support: [K] eV."""
        labels = np.array([c.energy for c in self.support])
        modelled, _ = self.model(self.support)
        self.residuals = labels - self.baseline.energies(self.support) - modelled

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Total energies (eV) and forces (eV/Å)."""
        energies, forces = self.model(configurations)
        correction = correction_operator(self.support, configurations, scale=self.scale) @ self.residuals
        total = self.baseline.energies(configurations) + energies + correction
        return [Prediction(float(e), f) for e, f in zip(total, forces, strict=True)]
