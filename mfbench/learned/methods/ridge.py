"""``ridge``: frozen features of the jointly trained network, and a head fitted in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

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
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.engine import Engine, Params
from mfbench.learned.methods.corrected import CorrectedPredictor, Network
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Usage
from mfbench.protocol.protocol import Budget

__all__ = ["Ridge"]


@dataclass(eq=False)
class Ridge:
    """Closed-form regression of what the frozen network leaves, see ``mfbench.learned.adaptation.ridge``.

    Attributes:
        engine: of a backend.
        checkpoint: of the frozen network.
        baseline: shared energy baseline.
        settings: of the fit.
        reference: configurations of meta-train that the features are scaled on.
    """

    engine: Engine
    checkpoint: Checkpoint
    baseline: EnergyBaseline
    settings: RidgeSettings
    reference: Sequence[Configuration]
    name: str = field(default="ridge", kw_only=True)
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        training = {k: v for k, v in self.checkpoint.card.items() if k != "phases"}
        self.card = {
            "method": self.name,
            "adaptation": asdict(self.settings),
            "training": training,
            "phases": self.checkpoint.phases_in_brief,
        }

    @cached_property
    def params(self) -> Params:
        """Weights of the frozen network."""
        return self.engine.arrays(self.checkpoint.params)

    @cached_property
    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Over the reference configurations: root mean square forces [p], means by element [Z, p]."""
        config = self.checkpoint.config
        features, jacobians = self.engine.design(self.params, config, self.reference, len(self.reference))
        means = element_means(features, element_counts(self.reference, config.elements))
        return np.sqrt(np.mean(np.concatenate(jacobians) ** 2, 0)) + 1e-12, means

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """Energies of all, and forces of as many configurations as the budget's gradients pay for."""
        engine, baseline, compiling = self.engine, self.baseline, self.engine.compile_seconds()
        head, gradients = self.first_head(), 0
        if support:
            count, gradients = force_configurations(len(support), len(self.scales[0]), budget)
            head = self.fit(self.design_of(support, count))
        if head is not None:
            shifts = dict(zip(self.checkpoint.config.elements, self.scales[1] @ head, strict=True))
            elements = {z: e - shifts.get(z, 0.0) for z, e in baseline.elements.items()}
            baseline = replace(baseline, elements=elements)
        network = Network(engine, self.params, self.checkpoint.config, head)
        predictor = self.predictor(network, baseline, support)
        predictor.usage = Usage(gradients, engine.compile_seconds() - compiling)
        return predictor

    def design_of(self, support: Sequence[Configuration], count: int) -> Design:
        """What the network leaves of a support as a linear problem; ``count`` of it give their forces."""
        features, jacobians = self.features_of(support, count)
        modelled, forces = self.engine.predict(self.params, self.checkpoint.config, support)
        left = np.array([c.energy for c in support]) - self.baseline.energies(support) - modelled
        return Design.of(
            support, features, left, jacobians, forces, self.settings, prior=self.baseline.prior
        )

    def features_of(
        self, configurations: Sequence[Configuration], count: int
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Features less what the elements explain [n, p], and −∂/∂x of the first ``count``."""
        config = self.checkpoint.config
        features, jacobians = self.engine.design(self.params, config, configurations, count)
        return features - element_counts(configurations, config.elements) @ self.scales[1], jacobians

    def first_head(self) -> np.ndarray | None:
        """The head without labels: none."""
        return None

    def fit(self, design: Design) -> np.ndarray:
        """[p] weights of the head, eV."""
        return fit_head(design, self.scales[0], self.settings)

    def predictor(
        self, network: Network, baseline: EnergyBaseline, support: Sequence[Configuration]
    ) -> CorrectedPredictor:
        """What predicts with the head."""
        return CorrectedPredictor(network, baseline, support, Usage())
