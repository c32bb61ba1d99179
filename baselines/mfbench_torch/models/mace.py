"""MACE as pure functions of a dictionary of weights: mace-torch's ScaleShiftMACE, the twin of the JAX one.

mace-torch's own modules are what it is tested against, to 1e-10. Written out because meta-learning
differentiates it three times, where their many small slices cost most of the time. See the JAX twin
for what is supported.

Its leaves are the directions and each layer's radial weights, not the positions: see ``start``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mfbench.learned.architectures.mace import MaceConfig
from mfbench_torch.models.edges import Edges
from mfbench_torch.models.geometry import Geometry
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.models.leaves import Leaves, no_forces
from mfbench_torch.models.messages import first_messages, later_messages, mix
from mfbench_torch.models.product import product_basis
from mfbench_torch.models.radial import SILU_NORM, radial_weights, silu

__all__ = ["network", "start"]

Params = dict[str, torch.Tensor]


def start(params: Params, config: MaceConfig, geometry: Geometry, *, forces: bool = False) -> Leaves:
    """Directions [3, T], and each layer's radial weights [rows, c, T] of the pairs.

    Only ``forces`` needs the derivatives of the radial weights in the distance.
    """
    weights = radial_weights(params, config, geometry.radial[:, : 1 + forces])
    values = tuple(w[0] for w in weights)
    if not forces:
        return Leaves((geometry.direction, *values), no_forces)
    slopes = [w[1] for w in weights]
    direction = geometry.direction.detach().clone().requires_grad_()
    if not values[0].requires_grad:
        values = tuple(w.requires_grad_() for w in values)

    def to_pairs(pulls: Sequence[torch.Tensor]) -> torch.Tensor:
        turn, *rest = pulls
        along = sum((pull * slope).sum((0, 1)) for pull, slope in zip(rest, slopes, strict=True))
        return geometry.direction * along + (geometry.turn * turn).sum(1)

    return Leaves((direction, *values), to_pairs)


def network(
    params: Params, config: MaceConfig, batch: GraphBatch, leaves: Leaves
) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies of atoms [N] in eV, and features [F, N].

    Features: the scalars of every layer, then the hidden layer of the last readout.
    """
    direction, *radial = leaves.tensors
    edges, elements = Edges(batch, direction), batch.elements.T
    z, c, neighbours = len(config.elements), config.channels, config.avg_num_neighbors
    table = params["node_embedding.linear.weight"] / z**0.5
    scalars = mix(table, elements)
    vectors: torch.Tensor | None = None
    outputs: Any = 0.0
    seen: list[torch.Tensor] = []
    if config.charge_inputs:
        told = batch.charges[batch.configuration].T
        tables = params["charge_embedding.weight"] / z**0.5
        scalars = scalars + sum(x * mix(t, elements) for x, t in zip(told, tables, strict=True))
    for t in range(config.num_interactions):
        last = t == config.num_interactions - 1
        block = f"interactions.{t}"
        up = (params[f"{block}.linear_up.weight"] / c**0.5).unbind(0)
        skip = (params[f"{block}.skip_tp.weight"] / (c * z) ** 0.5).unbind(0)
        linear = params[f"{block}.linear.weight"]
        if vectors is None:
            arrived = first_messages(linear, radial[0], mix(up[0], scalars), edges, neighbours)
        else:
            h = torch.cat([mix(up[0], scalars)[:, None], mix(up[1], vectors)], 1)
            arrived = later_messages(linear, radial[t], h, edges, neighbours)
        b0, b1 = product_basis(params, f"products.{t}", arrived, elements, vectors=not last)
        weight = (params[f"products.{t}.linear.weight"] / c**0.5).unbind(0)
        scalars = mix(weight[0], b0) + _own(skip[0], scalars, elements)
        if b1 is not None:
            own = 0.0 if vectors is None else _own(skip[1], vectors, elements)
            vectors = mix(weight[1], b1) + own
        read, hidden = _readout(params, config, t, scalars, last)
        outputs = outputs + read
        seen += [scalars, *hidden]
    return config.scale * outputs + config.shift, torch.cat(seen)


def _own(skip: torch.Tensor, x: torch.Tensor, elements: torch.Tensor) -> torch.Tensor:
    """Channels of ``x`` [c, ..., N] mixed by the weights [c, Z, c'] of each atom's element."""
    c, n = len(x), x.shape[-1]
    split = x.view(c, 1, -1, n) * elements[:, None]
    return mix(skip.flatten(0, 1), split.flatten(0, 1)).view(skip.shape[-1], *x.shape[1:])


def _readout(
    params: Params, config: MaceConfig, t: int, scalars: torch.Tensor, last: bool
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Contribution of layer t to the node energies, [N]: linear, but a small network at the end.

    With it, the hidden layer of that network, [width, N], if there is one.
    """
    name = f"readouts.{t}"
    if not last:
        return mix(params[f"{name}.linear.weight"] / config.channels**0.5, scalars)[0], ()
    hidden = mix(params[f"{name}.linear_1.weight"] / config.channels**0.5, scalars)
    hidden = SILU_NORM * silu(hidden)
    final = params[f"{name}.linear_2.weight"] / config.readout_width**0.5
    return mix(final, hidden)[0], (hidden,)
