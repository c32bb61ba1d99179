"""MACE as pure functions of a dictionary of weights: mace-torch's ScaleShiftMACE, the twin of the JAX one.

mace-torch's own modules are what it is tested against, to 1e-10. Written out because meta-learning
differentiates it three times, where their many small slices cost most of the time. See the JAX twin
for what is supported.

``energy_forces`` differentiates in directions and radial weights, on leaves that are made afresh at every
call. Both matter: mace's own forward calls ``requires_grad_`` on the positions that it is given, and
two inner steps on the same tensor would differentiate θ₁(x) as well, silently.
"""

from __future__ import annotations

import torch

from mfbench.learned.mace_weights import MaceConfig, initial_weights, parameter_shapes
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.models.messages import Edges, first_messages, later_messages, mix
from mfbench_torch.models.product import product_basis
from mfbench_torch.models.radial import SILU_NORM, radial_weights, silu

__all__ = ["MaceConfig", "energy", "energy_forces", "init", "parameter_shapes"]

Params = dict[str, torch.Tensor]


def init(config: MaceConfig, seed: int) -> Params:
    """Random float32 weights, distributed as mace-torch draws them; the same in every backend."""
    return {k: torch.from_numpy(v) for k, v in initial_weights(config, seed).items()}


def energy(params: Params, config: MaceConfig, batch: GraphBatch) -> torch.Tensor:
    """Interaction energy of each configuration, eV, [B]; energies of isolated atoms are not included."""
    radial = [w[0] for w in radial_weights(params, config, batch.geometry.radial[:, :1])]
    return _network(params, config, batch, batch.geometry.direction, radial)


def energy_forces(
    params: Params, config: MaceConfig, batch: GraphBatch, *, differentiable: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies [B] in eV and forces [N, 3] in eV/Å.

    ``differentiable`` keeps the graph, so that both can be differentiated in ``params``, repeatedly.
    """
    geometry = batch.geometry
    direction = geometry.direction.detach().clone().requires_grad_()
    with torch.enable_grad():
        weights = radial_weights(params, config, geometry.radial)
        values, slopes = zip(*(w.unbind(0) for w in weights), strict=True)
        if not values[0].requires_grad:
            values = [w.requires_grad_() for w in values]
        total = _network(params, config, batch, direction, values)
        turn, *pulls = torch.autograd.grad(
            total.sum(), (direction, *values), create_graph=differentiable, materialize_grads=True
        )
        along = sum((pull * slope).sum((0, 1)) for pull, slope in zip(pulls, slopes, strict=True))
        per_pair = geometry.direction * along + (geometry.turn * turn).sum(1)
        first, second = batch.edges[1].chunk(2)
        forces = torch.zeros_like(batch.positions)
        forces = forces.index_add(0, second, per_pair.T).index_add(0, first, -per_pair.T)
    return (total, forces) if differentiable else (total.detach(), forces.detach())


def _network(
    params: Params,
    config: MaceConfig,
    batch: GraphBatch,
    direction: torch.Tensor,
    radial: list[torch.Tensor],
) -> torch.Tensor:
    """Energies [B] from directions [3, T] and each layer's radial weights [rows, c, T] of the pairs."""
    edges, elements = Edges(batch, direction), batch.elements.T
    z, c, neighbours = len(config.elements), config.channels, config.avg_num_neighbors
    table = params["node_embedding.linear.weight"] / z**0.5
    scalars, vectors, outputs = mix(table, elements), None, 0.0
    for t in range(config.num_interactions):
        last = t == config.num_interactions - 1
        block = f"interactions.{t}"
        up = (params[f"{block}.linear_up.weight"] / c**0.5).unbind(0)
        skip = (params[f"{block}.skip_tp.weight"] / (c * z) ** 0.5).unbind(0)
        linear = params[f"{block}.linear.weight"]
        if t == 0:
            arrived = first_messages(linear, radial[0], mix(up[0], scalars), edges, neighbours)
        else:
            h = torch.cat([mix(up[0], scalars)[:, None], mix(up[1], vectors)], 1)
            arrived = later_messages(linear, radial[t], h, edges, neighbours)
        b0, b1 = product_basis(params, f"products.{t}", arrived, elements, vectors=not last)
        weight = (params[f"products.{t}.linear.weight"] / c**0.5).unbind(0)
        scalars = mix(weight[0], b0) + _own(skip[0], scalars, elements)
        if not last:
            own = 0.0 if vectors is None else _own(skip[1], vectors, elements)
            vectors = mix(weight[1], b1) + own
        outputs = outputs + _readout(params, config, t, scalars, last)
    atoms = config.scale * outputs + config.shift
    return atoms.new_zeros(len(batch)).index_add(0, batch.configuration, atoms)


def _own(skip: torch.Tensor, x: torch.Tensor, elements: torch.Tensor) -> torch.Tensor:
    """Channels of ``x`` [c, ..., N] mixed by the weights [c, Z, c'] of each atom's element."""
    c, n = len(x), x.shape[-1]
    split = x.view(c, 1, -1, n) * elements[:, None]
    return mix(skip.flatten(0, 1), split.flatten(0, 1)).view(skip.shape[-1], *x.shape[1:])


def _readout(params: Params, config: MaceConfig, t: int, scalars: torch.Tensor, last: bool) -> torch.Tensor:
    """Contribution of layer t to the node energies, [N]: linear, but a small network at the end."""
    name = f"readouts.{t}"
    if not last:
        return mix(params[f"{name}.linear.weight"] / config.channels**0.5, scalars)[0]
    hidden = mix(params[f"{name}.linear_1.weight"] / config.channels**0.5, scalars)
    final = SILU_NORM / config.readout_width**0.5 * params[f"{name}.linear_2.weight"]
    return mix(final, silu(hidden))[0]
