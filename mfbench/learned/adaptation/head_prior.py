"""What heads look like: their mean and covariance over meta-train, as the prior of a new task's head.

In scaled weights u = s w a head is drawn from N(μ, C); μ and C are the mean and the covariance of the
closed-form heads of the train tasks, C with a share of its mean variance on the diagonal. With
w = (μ + R z) / s, R Rᵀ = C, the problem is the one without a prior in z
(``mfbench.learned.adaptation.ridge``): λ then says how much less the support is to be trusted than the
prior, and λ = ∞ is the mean head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfbench.learned.adaptation.ridge import Design, RidgeSettings, fit_head

__all__ = ["HeadPrior", "fit_with_prior", "head_prior"]

SHRINKAGE = 0.1
"""Share of the mean variance on the diagonal of C: directions in which few tasks differ stay open."""


@dataclass(frozen=True, eq=False)
class HeadPrior:
    """Attributes: mean: [p] eV, of the heads; root: [p, p], w = mean + root z with z of unit variance."""

    mean: np.ndarray
    root: np.ndarray


def head_prior(heads: Sequence[np.ndarray], scales: np.ndarray) -> HeadPrior:
    """From the heads [p] of at least two train tasks.

    Args:
        heads: eV.
        scales: [p] root mean square of −∂Φ/∂x over meta-train.
    """
    scaled = np.array(heads) * scales
    mean = scaled.mean(0)
    spread = scaled - mean
    covariance = spread.T @ spread / max(len(scaled) - 1, 1)
    variance = np.trace(covariance) / len(mean) + 1e-12
    values, vectors = np.linalg.eigh(covariance + SHRINKAGE * variance * np.eye(len(mean)))
    return HeadPrior(mean / scales, (vectors * np.sqrt(values.clip(0.0))) / scales[:, None])


def fit_with_prior(design: Design, prior: HeadPrior, settings: RidgeSettings) -> np.ndarray:
    """[p] weights of the head, eV: the prior's mean where the support says nothing else."""
    seen = replace(
        design,
        features=design.features @ prior.root,
        energies=design.energies - design.features @ prior.mean,
        jacobians=[j @ prior.root for j in design.jacobians],
        forces=[f - j @ prior.mean for f, j in zip(design.forces, design.jacobians, strict=True)],
    )
    found: np.ndarray = prior.mean + prior.root @ fit_head(seen, np.ones(len(prior.mean)), settings)
    return found
