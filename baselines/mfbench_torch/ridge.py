"""``ridge``: frozen features of the jointly trained network, and a head fitted in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.ridge import (
    Design,
    RidgeSettings,
    element_counts,
    element_means,
    fit_head,
    force_configurations,
)
from mfbench.learned.architectures.registry import Config
from mfbench.methods.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Usage
from mfbench.protocol.protocol import Budget
from mfbench_torch.checkpoint import Checkpoint
from mfbench_torch.device import on_device
from mfbench_torch.models.architecture import feature_forces
from mfbench_torch.models.graphs import GraphTable
from mfbench_torch.predictor import BATCH, CorrectedPredictor, model_predictions, network_predictor

__all__ = ["Ridge", "design_arrays"]


@dataclass(eq=False)
class Ridge:
    """Closed-form regression of what the frozen network leaves, see ``mfbench.learned.adaptation.ridge``.

    Attributes:
        checkpoint: of the frozen network.
        baseline: shared energy baseline.
        settings: of the fit.
        reference: configurations of meta-train that the features are scaled on.
    """

    checkpoint: Checkpoint
    baseline: EnergyBaseline
    settings: RidgeSettings
    reference: Sequence[Configuration]
    name: str = "ridge"
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        training = {k: v for k, v in self.checkpoint.card.items() if k != "phases"}
        self.card = {"method": self.name, "adaptation": asdict(self.settings), "training": training}

    @cached_property
    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Over the reference configurations: root mean square forces [p], means by element [Z, p]."""
        features, jacobians = design_arrays(*self._model, self.reference, len(self.reference))
        means = element_means(features, element_counts(self.reference, self.checkpoint.config.elements))
        return np.sqrt(np.mean(np.concatenate(jacobians) ** 2, 0)) + 1e-12, means

    @cached_property
    def _model(self) -> tuple[dict[str, torch.Tensor], Config]:
        return on_device(self.checkpoint.params), self.checkpoint.config

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """Energies of all, and forces of as many configurations as the budget's gradients pay for."""
        params, config = self._model
        baseline = self.baseline
        gradients, head = 0, None
        if support:
            scales, means = self.scales
            count, gradients = force_configurations(len(support), len(scales), budget)
            features, jacobians = design_arrays(params, config, support, count)
            features = features - element_counts(support, config.elements) @ means
            modelled, forces = model_predictions(params, config, support)
            left = np.array([c.energy for c in support]) - self.baseline.energies(support) - modelled
            design = Design.of(support, features, left, jacobians, forces, self.settings)
            head = fit_head(design, scales, self.settings)
            shifts = dict(zip(config.elements, means @ head, strict=True))
            elements = {z: e - shifts.get(z, 0.0) for z, e in baseline.elements.items()}
            baseline = replace(baseline, elements=elements)
        return network_predictor(params, config, baseline, support, Usage(gradients), head=head)


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
