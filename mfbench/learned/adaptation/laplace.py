"""Last-layer Laplace: the head is Gaussian given the support, with strengths by the evidence.

Force components are J w + noise of variance σ², energies Φ w + noise with the covariance (K + 1) σ² / a_E
of the closed-form correction, and w has the prior N(0, σ² diag(s)⁻² / λ). All is linear, so the Laplace
approximation is exact (Bishop 2006, section 3.5; Daxberger et al. 2021). λ, on a grid, and σ², in closed
form, maximise the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.learned.adaptation.ridge import Design, force_rows

__all__ = ["Posterior", "fit_posterior"]

STRENGTHS = 10.0 ** np.arange(-6.0, 4.5, 0.5)
"""λ in units of the noise variance, per scaled weight, to choose from."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Attributes: mean: [p] eV; covariance: [p, p] eV²; noise: standard deviation of forces, eV/Å."""

    mean: np.ndarray
    covariance: np.ndarray
    noise: float

    def energy_deviation(self, features: np.ndarray) -> np.ndarray:
        """[n] eV, of the head's energies Φ w, with features [n, p]; the correction's own is not in it."""
        found: np.ndarray = np.sqrt(np.einsum("np,pq,nq->n", features, self.covariance, features))
        return found

    def force_deviation(self, jacobian: np.ndarray) -> np.ndarray:
        """[m] eV/Å, of force components with rows [m, p] of −∂Φ/∂x, noise included."""
        spread = np.einsum("np,pq,nq->n", jacobian, self.covariance, jacobian)
        found: np.ndarray = np.sqrt(spread + self.noise**2)
        return found


def fit_posterior(design: Design, scales: np.ndarray, energy_weight: float) -> Posterior:
    """From a support with forces.

    Args:
        design: of the support.
        scales: [p] s, root mean square of −∂Φ/∂x over meta-train.
        energy_weight: force variances per energy variance, Å²/eV² → 1/eV² as in ``RidgeSettings``.
    """
    jacobian, forces = force_rows(design, np.arange(len(design.energies)))
    jacobian, count = jacobian / scales, len(forces) + len(design.energies)
    metric = np.linalg.inv(design.kernel + np.eye(len(design.kernel)))
    features = design.features / scales
    gram = jacobian.T @ jacobian + energy_weight * features.T @ metric @ features
    right = jacobian.T @ forces + energy_weight * features.T @ metric @ design.energies
    total = forces @ forces + energy_weight * design.energies @ metric @ design.energies
    values, vectors = np.linalg.eigh(gram)
    values, along = values.clip(0.0), vectors.T @ right
    best = None
    for strength in STRENGTHS:
        left = total - along @ (along / (values + strength))
        noise = max(left, 1e-12 * total + 1e-12) / count
        evidence = -0.5 * (count * np.log(noise) + np.sum(np.log1p(values / strength)))
        if best is None or evidence > best[0]:
            best = evidence, strength, noise
    assert best is not None
    _, strength, noise = best
    mean = vectors @ (along / (values + strength)) / scales
    root = vectors / np.sqrt(values + strength) / scales[:, None]
    return Posterior(mean, noise * root @ root.T, float(np.sqrt(noise)))
