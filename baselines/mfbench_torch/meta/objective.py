"""The loss of one batch, and the loss of a query given a support. Energies in eV, forces in eV/Å."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

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
    """

    energy: torch.Tensor
    forces: torch.Tensor
    metric: torch.Tensor


class LossWeights(NamedTuple):
    """Weights of the squared energy error (1/eV²) and of the squared force error (Å²/eV²)."""

    energy: float = 1.0
    forces: float = 1.0


def batch_loss(
    params: Params, model: Model, batch: Any, labels: Labels, weights: LossWeights
) -> torch.Tensor:
    """Weighted squared error: rᵀ·metric·r / B in energy, mean over components in forces.

    With metric = (K + 1)⁻¹ of the closed-form correction the energy term is the (negative log)
    marginal likelihood of the residuals: what an offset explains costs nothing.
    """
    energy, forces = model(params, batch)
    residual = labels.energy - energy
    energy_loss = residual @ labels.metric @ residual / len(residual)
    return weights.energy * energy_loss + weights.forces * ((forces - labels.forces) ** 2).mean()


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
        operator: [B_query, B_support] of ``mfbench.methods.energy_baseline.correction_operator``.
        weights: of energy and forces.
    """
    support_batch, support_labels = support
    query_batch, query_labels = query
    shift = operator @ (support_labels.energy - energies(params, support_batch))
    shifted = query_labels._replace(energy=query_labels.energy - shift)
    return batch_loss(params, model, query_batch, shifted, weights)
