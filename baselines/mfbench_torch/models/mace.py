"""MACE as pure functions of a dictionary of weights, which carry the names and shapes of the JAX twin.

``energy_forces`` differentiates in the tables of ``Geometry``, on leaves that are made afresh at every
call. Both matter: mace's own forward calls ``requires_grad_`` on the positions that it is given, and
two inner steps on the same tensor would differentiate θ₁(x) as well, silently.
"""

from __future__ import annotations

import torch
from torch.func import functional_call

from mfbench.learned.mace_weights import MaceConfig, initial_weights, parameter_shapes
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.models.network import network

__all__ = ["MaceConfig", "energy", "energy_forces", "init", "parameter_shapes"]

Params = dict[str, torch.Tensor]
# Shapes in mace's modules; every other weight is stored flat there.
_SHAPED = ("conv_tp_weights.", "symmetric_contractions.")


def init(config: MaceConfig, seed: int) -> Params:
    """Random float32 weights, distributed as mace-torch draws them; the same in every backend."""
    return {k: torch.from_numpy(v) for k, v in initial_weights(config, seed).items()}


def energy(params: Params, config: MaceConfig, batch: GraphBatch) -> torch.Tensor:
    """Interaction energy of each configuration, eV, [B]; energies of isolated atoms are not included."""
    return _call(params, config, batch, batch.geometry.harmonics, batch.geometry.radial)


def energy_forces(
    params: Params, config: MaceConfig, batch: GraphBatch, *, differentiable: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies [B] in eV and forces [N, 3] in eV/Å.

    ``differentiable`` keeps the graph, so that both can be differentiated in ``params``, repeatedly.
    """
    tables = batch.geometry
    harmonics = tables.harmonics.detach().clone().requires_grad_()
    radial = tables.radial.detach().clone().requires_grad_()
    with torch.enable_grad():
        total = _call(params, config, batch, harmonics, radial)
        slopes = torch.autograd.grad(
            total.sum(), (harmonics, radial), create_graph=differentiable, materialize_grads=True
        )
        per_edge = torch.einsum("ek,ekx->ex", slopes[0], tables.harmonics_slope)
        per_edge = per_edge + torch.einsum("ek,ekx->ex", slopes[1], tables.radial_slope)
        forces = torch.zeros_like(batch.positions)
        forces = forces.index_add(0, batch.edges[0], per_edge).index_add(0, batch.edges[1], -per_edge)
    return (total, forces) if differentiable else (total.detach(), forces.detach())


def _call(params: Params, config: MaceConfig, batch: GraphBatch, harmonics, radial) -> torch.Tensor:
    weights = {
        f"mace.{k}": v if any(part in k for part in _SHAPED) else v.reshape(-1) for k, v in params.items()
    }
    model = network(config, batch.positions.dtype)
    graph = (batch.elements, batch.edges, batch.configuration, len(batch))
    return functional_call(model, weights, (harmonics, radial, *graph))
