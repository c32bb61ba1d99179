"""Closed-form regression of energies and forces on frozen features: what the network leaves over.

The head adds E(x) = w·Φ(x), Φ the features summed over atoms, and forces −w·∂Φ/∂x. Its weights minimise::

    a_E r_Eᵀ (K + 1)⁻¹ r_E / n_E + a_F |r_F|² / n_F + λ Σ_f (s_f w_f)²,

r_E and r_F the residuals that the frozen network leaves on the support less those that the head explains,
(K + 1)⁻¹ the metric of the closed-form energy correction (``mfbench.protocol.energy_baseline``), s_f the
root mean square
force of feature f. λ is chosen by cross-validation within the support, over whole trajectories or
fragments, since neighbours on a trajectory would vouch for each other. λ = ∞ is no head.
Ridge regression on frozen features as a few-shot learner: Bertinetto et al. 2019 (R2-D2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.split import Split
from mfbench.errors import DataError, UnknownNameError
from mfbench.protocol.correction_prior import ONE_LEVEL, CorrectionPrior
from mfbench.protocol.energy_baseline import correction_kernel
from mfbench.protocol.protocol import Budget

__all__ = [
    "Design",
    "RidgeSettings",
    "element_counts",
    "element_means",
    "fit_head",
    "force_configurations",
    "force_rows",
    "scale_configurations",
]

BACKWARD_GRADIENTS = 0.25
"""One backward pass for one feature of one configuration counts as this much of a gradient of the training
loss in all weights: the most that was measured (MACE 0.20, NequIP 0.25, Allegro 0.10; CPU seconds in JAX,
scripts/benchmarks/features.py)."""
STRENGTHS = (*(10.0 ** np.arange(-5.0, 1.5, 0.5)), np.inf)
"""λ to choose from: force features are scaled to 1 eV/Å, so λ = 1 shrinks as much as the data say."""


SCALED_ON = 32
"""Configurations of meta-train."""


@dataclass(frozen=True)
class RidgeSettings:
    """How the head is fitted; tuned on validation families.

    Attributes:
        energy_weight, force_weight: a_E (1/eV²) and a_F (Å²/eV²).
        folds_by: what stays together in cross-validation: ``trajectory`` or ``fragment``.
        folds: at most so many.
    """

    energy_weight: float = 0.3
    force_weight: float = 1.0
    folds_by: str = "fragment"
    folds: int = 5


@dataclass(frozen=True, eq=False)
class Design:
    """The support as a linear problem in p features.

    Attributes:
        features: [K, p] Φ.
        energies: [K] eV, residuals of the frozen network.
        kernel: [K, K] of the closed-form correction.
        jacobians: −∂Φ/∂x of the first m ≤ K configurations, each [3 atoms, p].
        forces: their residuals, each [3 atoms], eV/Å.
        groups: [K] what stays together.
    """

    features: np.ndarray
    energies: np.ndarray
    kernel: np.ndarray
    jacobians: Sequence[np.ndarray]
    forces: Sequence[np.ndarray]
    groups: np.ndarray

    @classmethod
    def of(
        cls,
        support: Sequence[Configuration],
        features: np.ndarray,
        energies: np.ndarray,
        jacobians: Sequence[np.ndarray],
        modelled: Sequence[np.ndarray],
        settings: RidgeSettings,
        *,
        prior: CorrectionPrior = ONE_LEVEL,
    ) -> Design:
        """From a support, residual energies and the forces that the network says of all of it; ``prior`` is
        of the energy correction.

        Raises:
            UnknownNameError: ``folds_by`` is neither ``trajectory`` nor ``fragment``.
        """
        if settings.folds_by not in ("trajectory", "fragment"):
            raise UnknownNameError(f"unknown folds_by '{settings.folds_by}': choose trajectory or fragment")
        left = [(c.forces - f).ravel() for c, f in zip(support[: len(jacobians)], modelled, strict=False)]
        kernel = correction_kernel(support, support, prior=prior)
        return cls(features, energies, kernel, jacobians, left, _groups(support, settings))


def _groups(support: Sequence[Configuration], settings: RidgeSettings) -> np.ndarray:
    """[K] what stays together in cross-validation: what ``folds_by`` says, as far as names tell it apart.

    Where all bear one name, the other kind of name; where that is one as well, consecutive blocks in the
    order of the configurations' names. Otherwise no part of the support could vouch for a head.
    """
    for kind in dict.fromkeys((settings.folds_by, "trajectory", "fragment")):
        names = [getattr(c, f"{kind}_id") or str(i) for i, c in enumerate(support)]
        groups = np.unique(names, return_inverse=True)[1]
        if groups.max(initial=0) > 0:
            return groups
    blocks = np.empty(len(support), int)
    order = np.argsort([c.config_id for c in support], kind="stable")
    blocks[order] = np.arange(len(support)) * settings.folds // max(len(support), 1)
    return blocks


def scale_configurations(split: Split) -> list[Configuration]:
    """Meta-train configurations that features are scaled on: a few dozen, evenly over the families.

    Raises:
        DataError: there is no meta-train.
    """
    everything = split.train_configurations
    if not everything:
        raise DataError(f"{split.name} has no train families, on which ridge scales its features: add some")
    return list(everything[:: -(-len(everything) // SCALED_ON)])


def force_configurations(k: int, features: int, budget: Budget) -> tuple[int, int]:
    """How many of K configurations give their forces within a budget, and what that costs in gradients.

    Where the budget takes no gradient step (the closed-form track), all do.
    """
    each = features * BACKWARD_GRADIENTS
    count = min(k, int(budget.steps * budget.batch // each)) if budget.steps else k
    return count, int(np.ceil(count * each))


def element_counts(configurations: Sequence[Configuration], elements: Sequence[int]) -> np.ndarray:
    """[n, Z] atoms of every element."""
    return np.array([np.bincount(c.atomic_numbers, minlength=128)[list(elements)] for c in configurations])


def element_means(features: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[Z, p] contribution of an atom of each element to the summed features [n, p], by least squares.

    Subtracted, it keeps a head that forces alone determine from moving the energies of compositions.
    """
    gram = counts.T @ counts + 1e-3 * len(counts) * np.eye(counts.shape[1])
    return np.linalg.solve(gram, counts.T @ features)


def fit_head(design: Design, scales: np.ndarray, settings: RidgeSettings) -> np.ndarray:
    """[p] weights of the head, eV; zero where no head predicts held-out parts of the support better.

    Args:
        design: of the support.
        scales: [p] s, root mean square of −∂Φ/∂x over meta-train.
        settings: of the fit.
    """
    everything = np.arange(len(design.energies))
    if len(design.energies) == 0:
        return np.zeros(len(scales))
    losses = np.zeros(len(STRENGTHS))
    folds = design.groups % settings.folds
    if len(np.unique(folds)) > 1:
        for fold in np.unique(folds):
            kept, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            heads = _heads(design, kept, scales, settings)
            losses += [_held_loss(design, kept, held, head, settings) for head in heads]
    # One group cannot vouch for a head: the first of the equal losses is then λ = ∞, no head.
    best = len(STRENGTHS) - 1 - int(np.argmin(losses[::-1]))
    return _heads(design, everything, scales, settings)[best]


def _heads(
    design: Design, chosen: np.ndarray, scales: np.ndarray, settings: RidgeSettings
) -> list[np.ndarray]:
    """Weights fitted to some configurations, for every strength."""
    metric = np.linalg.inv(design.kernel[np.ix_(chosen, chosen)] + np.eye(len(chosen)))
    weighted = settings.energy_weight / len(chosen) * design.features[chosen].T @ metric
    gram, right = weighted @ design.features[chosen], weighted @ design.energies[chosen]
    jacobian, forces = force_rows(design, chosen)
    if len(forces):
        share = settings.force_weight / len(forces)
        gram, right = gram + share * jacobian.T @ jacobian, right + share * jacobian.T @ forces
    values, vectors = np.linalg.eigh(gram / np.outer(scales, scales))
    along = vectors.T @ (right / scales)
    values = values.clip(0.0)
    return [vectors @ (along / (values + strength)) / scales for strength in STRENGTHS]


def _held_loss(
    design: Design, kept: np.ndarray, held: np.ndarray, head: np.ndarray, settings: RidgeSettings
) -> float:
    """The loss on configurations that were not fitted, after the energy correction from those that were."""
    left = design.energies - design.features @ head
    gram = design.kernel[np.ix_(kept, kept)] + np.eye(len(kept))
    gain = np.linalg.solve(gram, design.kernel[np.ix_(kept, held)]).T
    spread = (
        design.kernel[np.ix_(held, held)] + np.eye(len(held)) - gain @ design.kernel[np.ix_(kept, held)]
    )
    error = left[held] - gain @ left[kept]
    loss = settings.energy_weight * error @ np.linalg.solve(spread, error)
    jacobian, forces = force_rows(design, held)
    counted = int((held < len(design.jacobians)).sum())
    if counted:
        loss += settings.force_weight * counted * np.mean((forces - jacobian @ head) ** 2)
    return float(loss)


def force_rows(design: Design, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """−∂Φ/∂x [m, p] and residual forces [m] of those of the chosen configurations that give them."""
    given = [i for i in chosen if i < len(design.jacobians)]
    if not given:
        return np.zeros((0, design.features.shape[1])), np.zeros(0)
    parts = [(design.jacobians[i], design.forces[i]) for i in given]
    jacobians, forces = zip(*parts, strict=True)
    return np.concatenate(jacobians), np.concatenate(forces)
