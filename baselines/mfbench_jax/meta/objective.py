"""The loss of one batch, and the loss of a query given a support. Energies in eV, forces in eV/Å."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mfbench.learned.training.losses import FORMER_LOSS, softening

__all__ = ["Labels", "LossWeights", "batch_loss", "query_loss"]

Params = dict[str, jax.Array]
Model = Callable[[Params, Any], tuple[jax.Array, jax.Array]]
"""(params, graph batch) → interaction energies [B] eV, forces [N, 3] eV/Å."""


class Labels(NamedTuple):
    """Targets of a padded batch of B configurations and N atoms.

    Attributes:
        energy: [B] eV, beyond the energy baseline.
        forces: [N, 3] eV/Å.
        metric: [B, B] of the energy loss rᵀ·metric·r; zero rows and columns for padding.
        whitener: [B, B], the errors r become whitener·r, of unit covariance; metric = whitenerᵀ·whitener.
        count: number of real configurations.
        atoms: [N] 1 for real atoms, 0 for padding.
    """

    energy: Any
    forces: Any
    metric: Any
    whitener: Any
    count: Any
    atoms: Any


class LossWeights(NamedTuple):
    """Weights of energy and forces, and the kind of loss, see ``mfbench.learned.training.losses``.

    Units undo those of the errors: 1/eV² and Å²/eV² for squares, 1/eV and Å/eV otherwise.
    """

    energy: float = 1.0
    forces: float = 1.0
    loss: str = FORMER_LOSS


def _force_loss(forces: jax.Array, labels: Labels, soft: float | None) -> jax.Array:
    squares = jnp.sum((forces - labels.forces) ** 2, axis=-1)
    if soft is None:
        return jnp.sum(squares * labels.atoms) / (3.0 * jnp.sum(labels.atoms))
    return jnp.sum(_softened(squares, soft) * labels.atoms) / jnp.sum(labels.atoms)


def _energy_loss(energy: jax.Array, labels: Labels, soft: float | None) -> jax.Array:
    residual = labels.energy - energy
    if soft is None:
        return residual @ labels.metric @ residual / labels.count
    return jnp.sum(_softened((labels.whitener @ residual) ** 2, soft)) / labels.count


def _softened(squares: jax.Array, soft: float) -> jax.Array:
    return jnp.sqrt(squares + soft**2) - soft


def batch_loss(params: Params, model: Model, batch: Any, labels: Labels, weights: LossWeights) -> jax.Array:
    """Weighted error. For squares: rᵀ·metric·r / B in energy, mean over components in forces.

    With metric = (K + 1)⁻¹ of the closed-form correction the energy term is the (negative log)
    marginal likelihood of the residuals: what an offset explains costs nothing.
    """
    energy, forces = model(params, batch)
    soft = softening(weights.loss)
    energy_loss, force_loss = _energy_loss(energy, labels, soft), _force_loss(forces, labels, soft)
    return weights.energy * energy_loss + weights.forces * force_loss


def query_loss(
    params: Params,
    model: Model,
    energies: Callable[[Params, Any], jax.Array],
    support: tuple[Any, Labels],
    query: tuple[Any, Labels],
    operator: jax.Array,
    weights: LossWeights,
) -> jax.Array:
    """Error on the query after the closed-form correction from the support.

    Args:
        params: adapted parameters.
        model, energies: energies and forces; energies alone (cheaper).
        support, query: graph batches with labels.
        operator: [B_query, B_support] of ``mfbench.protocol.energy_baseline.correction_operator``, zero for
        padding.
        weights: of energy and forces.
    """
    support_batch, support_labels = support
    query_batch, query_labels = query
    shift = operator @ (support_labels.energy - energies(params, support_batch))
    shifted = query_labels._replace(energy=query_labels.energy - shift)
    return batch_loss(params, model, query_batch, shifted, weights)
