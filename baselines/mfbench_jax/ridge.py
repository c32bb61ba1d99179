"""``ridge``: frozen features of the jointly trained network, and a head fitted in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

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
from mfbench_jax.checkpoint import Checkpoint
from mfbench_jax.compiled import Compiled, compile_seconds
from mfbench_jax.models.architecture import feature_forces
from mfbench_jax.models.graphs import GraphTable, Padding
from mfbench_jax.predictor import CorrectedPredictor, batches, model_predictions

__all__ = ["Ridge", "design_arrays"]


@dataclass(eq=False)
class Ridge:
    """Closed-form regression of what the frozen network leaves, see ``mfbench.learned.adaptation.ridge``.

    Attributes:
        checkpoint: of the frozen network.
        baseline: shared energy baseline.
        settings: of the fit.
        reference: configurations of meta-train that the features are scaled on.
        floor: least padding, so that all episodes share one compiled program.
    """

    checkpoint: Checkpoint
    baseline: EnergyBaseline
    settings: RidgeSettings
    reference: Sequence[Configuration]
    floor: Padding | None = None
    name: str = "ridge"
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        training = {k: v for k, v in self.checkpoint.card.items() if k != "phases"}
        self.card = {"method": self.name, "adaptation": asdict(self.settings), "training": training}

    @cached_property
    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Over the reference configurations: root mean square forces [p], means by element [Z, p]."""
        features, jacobians = design_arrays(*self._model, self.reference, len(self.reference), self.floor)
        means = element_means(features, element_counts(self.reference, self.checkpoint.config.elements))
        return np.sqrt(np.mean(np.concatenate(jacobians) ** 2, 0)) + 1e-12, means

    @property
    def _model(self) -> tuple[dict[str, jax.Array], Config]:
        return self.checkpoint.params, self.checkpoint.config

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """Energies of all, and forces of as many configurations as the budget's gradients pay for."""
        params, config = self._model
        baseline = self.baseline
        compiling, gradients, head = compile_seconds(), 0, None
        if support:
            scales, means = self.scales
            count, gradients = force_configurations(len(support), len(scales), budget)
            features, jacobians = design_arrays(params, config, support, count, self.floor)
            features = features - element_counts(support, config.elements) @ means
            modelled, forces = model_predictions(params, config, support, self.floor)
            left = np.array([c.energy for c in support]) - self.baseline.energies(support) - modelled
            design = Design.of(support, features, left, jacobians, forces, self.settings)
            head = fit_head(design, scales, self.settings)
            shifts = dict(zip(config.elements, means @ head, strict=True))
            elements = {z: e - shifts.get(z, 0.0) for z, e in baseline.elements.items()}
            baseline = replace(baseline, elements=elements)
        usage = Usage(gradients, compile_seconds() - compiling)
        return CorrectedPredictor(params, config, baseline, support, usage, self.floor, head=head)


def design_arrays(
    params: dict[str, jax.Array],
    config: Config,
    configurations: Sequence[Configuration],
    count: int,
    floor: Padding | None = None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Features summed over atoms [n, p], and −∂/∂x of the first ``count``, each [3 atoms, p]."""
    table = GraphTable(configurations, config)
    rows: list[Any] = [None] * len(configurations)
    jacobians: list[Any] = [None] * count
    for indices, batch in batches(table, floor):
        wanted = bool((indices < count).any())
        values, forces = _program(config, wanted)(params, batch)
        values = np.asarray(values, np.float64)
        for i, j in enumerate(indices):
            rows[j] = values[i]
            if j < count:
                parts = np.asarray(forces[:, i, : table.n_atoms[j]], np.float64)
                jacobians[j] = parts.reshape(len(parts), -1).T
    return np.stack(rows), jacobians


@lru_cache(maxsize=8)
def _program(config: Config, forces: bool) -> Compiled:
    def run(params: Any, batch: Any) -> tuple[jax.Array, jax.Array]:
        values, pulls = feature_forces(params, config, batch, forces=forces)
        return values, pulls.reshape(len(pulls), values.shape[0], -1, 3) if forces else jnp.zeros(0)

    return Compiled(run)
