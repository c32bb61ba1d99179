"""``laplace``: the closed-form head as a Gaussian, which says how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.learned.adaptation.laplace import Posterior, fit_posterior
from mfbench.learned.adaptation.ridge import Design
from mfbench.learned.methods.corrected import CorrectedPredictor, Network
from mfbench.learned.methods.ridge import Ridge
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Usage

__all__ = ["Laplace", "LaplacePredictor"]


@dataclass(eq=False)
class LaplacePredictor(CorrectedPredictor):
    """As ``CorrectedPredictor``, with standard deviations.

    Attributes:
        posterior: of the head; None without labels.
        method: whose features they are.
    """

    posterior: Posterior | None = field(default=None, kw_only=True)
    method: Laplace | None = field(default=None, kw_only=True)

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """As ``CorrectedPredictor``; from labels on with standard deviations, the noise of labels included.

        That of the closed-form correction is left out of energies, which are surer than they should be
        where the support does not show the molecule.
        """
        found = self.predict_silently(configurations)
        if self.posterior is None or self.method is None:
            return found
        heads, forces = self.deviations(configurations)
        weight = self.method.settings.energy_weight  # 0: energies say nothing, and of them nothing is said
        noise = self.posterior.noise / np.sqrt(weight) if weight else 0.0
        return [
            replace(p, energy_std=float(np.hypot(e, noise)) if weight else None, forces_std=f)
            for p, e, f in zip(found, heads, forces, strict=True)
        ]

    def predict_silently(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """The same without standard deviations, whose Jacobians take ten times as long."""
        return super().predict(configurations)

    def deviations(self, configurations: Sequence[Configuration]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Standard deviations of energies [n] in eV (of the head alone) and of forces (n arrays [atoms, 3])
        in eV/Å; infinite without labels."""
        if self.posterior is None or self.method is None:
            unknown = [np.full((len(c), 3), np.inf) for c in configurations]
            return np.full(len(configurations), np.inf), unknown
        features, jacobians = self.method.features_of(configurations, len(configurations))
        forces = [self.posterior.force_deviation(j).reshape(-1, 3) for j in jacobians]
        return self.posterior.energy_deviation(features), forces


@dataclass(eq=False)
class Laplace(Ridge):
    """As ``Ridge``, with the strength by the evidence instead of by cross-validation."""

    name: str = field(default="laplace", kw_only=True)
    _posterior: Posterior | None = field(default=None, init=False)

    def fit(self, design: Design) -> np.ndarray:
        """[p] mean weights of the head, eV."""
        self._posterior = fit_posterior(design, self.scales[0], self.settings.energy_weight)
        return self._posterior.mean

    def predictor(
        self, network: Network, baseline: EnergyBaseline, support: Sequence[Configuration]
    ) -> LaplacePredictor:
        """What predicts with the head and its covariance."""
        found = self._posterior if support else None
        return LaplacePredictor(network, baseline, support, Usage(), posterior=found, method=self)
