"""Last-layer Laplace of an adapted network: how far its labels leave the last layer's weights open.

The energy is linear in the weights of a head on the network's summed features, so their posterior given the
labels is Gaussian (``mfbench.learned.adaptation.laplace``). Its mean is not used: the adapted network
stands. What elements alone explain is taken out of the features, since the zero of energy is fitted last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.laplace import Posterior, fit_posterior
from mfbench.learned.adaptation.ridge import Design, RidgeSettings, element_counts, element_means
from mfbench.learned.engine import Engine
from mfbench.own.fit import Member

__all__ = ["LastLayer", "fit_last_layer"]

_PREFIX = "laplace/"


@dataclass(frozen=True, eq=False)
class LastLayer:
    """The posterior of a member's last layer.

    Attributes:
        posterior: of p weights.
        means: [elements, p] what an atom of each element adds to the features.
    """

    posterior: Posterior
    means: np.ndarray

    def deviations(
        self, engine: Engine, member: Member, configurations: Sequence[Configuration]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Standard deviations of energies [n] (eV) and of forces (n arrays [3 atoms], eV/Å).

        Without the noise of the labels: it is the same everywhere, and calibration adds what is.
        """
        features, jacobians = _design(engine, member, configurations)
        features = features - element_counts(configurations, member.config.elements) @ self.means
        return (
            self.posterior.energy_deviation(features),
            [np.sqrt(np.einsum("np,pq,nq->n", j, self.posterior.covariance, j)) for j in jacobians],
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """As the model's file holds it."""
        found = {"mean": self.posterior.mean, "covariance": self.posterior.covariance, "means": self.means}
        return {_PREFIX + k: v for k, v in (found | {"noise": np.array([self.posterior.noise])}).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> LastLayer | None:
        """From the model's file; None where it holds none.

        Raises:
            KeyError: a part is missing.
        """
        if not any(name.startswith(_PREFIX) for name in arrays):
            return None
        mean, covariance, means, noise = (
            arrays[_PREFIX + k] for k in ("mean", "covariance", "means", "noise")
        )
        return cls(Posterior(mean, covariance, float(noise[0])), means)


def fit_last_layer(engine: Engine, member: Member, support: Sequence[Configuration]) -> LastLayer:
    """From the labels that a member was adapted to."""
    features, jacobians = _design(engine, member, support)
    counts = element_counts(support, member.config.elements)
    means = element_means(features, counts)
    energies, forces = member.predict(engine, support)
    design = Design(
        features - counts @ means,
        np.array([c.energy for c in support], float) - energies,
        np.zeros((len(support), len(support))),
        jacobians,
        [(c.forces - f).ravel() for c, f in zip(support, forces, strict=True)],
        np.arange(len(support)),
    )
    scales = np.sqrt(np.mean(np.concatenate(jacobians) ** 2, axis=0)) + 1e-12
    return LastLayer(fit_posterior(design, scales, RidgeSettings().energy_weight), means)


def _design(
    engine: Engine, member: Member, configurations: Sequence[Configuration]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Features [n, p] and −∂/∂x, n arrays [3 atoms, p]."""
    return engine.design(engine.arrays(member.params), member.config, configurations, len(configurations))
