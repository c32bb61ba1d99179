"""The loss of one batch, and the loss of a query given a support. Energies in eV, forces in eV/Å."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from mfbench.learned.training.losses import FORMER_LOSS, softening

__all__ = ["Labels", "LossWeights", "batch_loss", "query_loss"]

Params = dict[str, torch.Tensor]
Model = Callable[[Params, Any], tuple[torch.Tensor, torch.Tensor]]
"""(params, graph batch) → interaction energies [B] eV, forces [N, 3] eV/Å."""


class Labels(NamedTuple):
    """Targets of B configurations and N atoms.

    Attributes:
        energy: [B] eV, beyond the energy baseline.
        forces: [N, 3] eV/Å.
        metric: [B, B] of the energy loss rᵀ·metric·r.
        whitener: [B, B], the errors r become whitener·r, of unit covariance; metric = whitenerᵀ·whitener.
    """

    energy: torch.Tensor
    forces: torch.Tensor
    metric: torch.Tensor
    whitener: torch.Tensor


class LossWeights(NamedTuple):
    """Weights of energy and forces, and the kind of loss, see ``mfbench.learned.training.losses``.

    Units undo those of the errors: 1/eV² and Å²/eV² for squares, 1/eV and Å/eV otherwise.
    """

    energy: float = 1.0
    forces: float = 1.0
    loss: str = FORMER_LOSS


def _force_loss(forces: torch.Tensor, labels: Labels, soft: float | None) -> torch.Tensor:
    squares = (forces - labels.forces) ** 2
    return squares.mean() if soft is None else _softened(squares.sum(-1), soft).mean()


def _energy_loss(energy: torch.Tensor, labels: Labels, soft: float | None) -> torch.Tensor:
    residual = labels.energy - energy
    if soft is None:
        return residual @ labels.metric @ residual / len(residual)
    return _softened((labels.whitener @ residual) ** 2, soft).mean()


def _softened(squares: torch.Tensor, soft: float) -> torch.Tensor:
    return (squares + soft**2).sqrt() - soft


def batch_loss(
    params: Params, model: Model, batch: Any, labels: Labels, weights: LossWeights
) -> torch.Tensor:
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
    energies: Callable[[Params, Any], torch.Tensor],
    support: tuple[Any, Labels],
    query: tuple[Any, Labels],
    operator: torch.Tensor,
    weights: LossWeights,
) -> torch.Tensor:
    """Error on the query after the closed-form correction from the support.

    Args:
        params: adapted parameters.
        model, energies: energies and forces; energies alone (cheaper).
        support, query: graph batches with labels.
        operator: [B_query, B_support] of ``mfbench.protocol.energy_baseline.correction_operator``.
        weights: of energy and forces.
    """
    support_batch, support_labels = support
    query_batch, query_labels = query
    shift = operator @ (support_labels.energy - energies(params, support_batch))
    shifted = query_labels._replace(energy=query_labels.energy - shift)
    return batch_loss(params, model, query_batch, shifted, weights)
