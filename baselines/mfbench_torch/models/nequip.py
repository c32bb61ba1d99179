"""NequIP (Batzner et al. 2022): equivariant message passing with tensor features up to l = 2.

Every layer sends the product of the neighbour's features with the harmonics of the edge, weighted by a
network of the distance, adds what an element-dependent self-connection keeps, and gates the result by
scalars. The last layer gives scalars alone. Features have the parity of harmonics. Layout: node arrays
are [component, channel, N], edge arrays [component, channel, 2, T].
"""

from __future__ import annotations

import torch

from mfbench.learned.architectures.couplings import paths
from mfbench.learned.architectures.nequip import NequipConfig, degrees
from mfbench_torch.models.coupling import Components, components, couple, harmonics
from mfbench_torch.models.edges import Edges
from mfbench_torch.models.geometry import Geometry
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.models.leaves import Leaves, geometry_leaves
from mfbench_torch.models.messages import mix
from mfbench_torch.models.radial import SILU_NORM, perceptron, silu

__all__ = ["network", "start"]

Params = dict[str, torch.Tensor]


def start(params: Params, config: NequipConfig, geometry: Geometry, *, forces: bool = False) -> Leaves:
    """Directions, radial basis and cutoff of the pairs."""
    return geometry_leaves(geometry, forces=forces)


def network(
    params: Params, config: NequipConfig, batch: GraphBatch, leaves: Leaves
) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies of atoms [N] in eV, and features [F, N].

    Features: the scalars of every layer, then those between the two maps of the readout.
    """
    direction, basis, _ = leaves.tensors
    edges, elements = Edges(batch, direction), batch.elements.T
    sphere = harmonics(edges.u, config.l_max)
    h = mix(params["node_embedding.weight"], elements)[None]
    seen = []
    for t in range(config.num_interactions):
        messages = _received(params, config, t, edges, basis, sphere, h)
        l_out = degrees(config, t)[1]
        h = _gated([_kept(params, t, ell, h, elements) + messages[ell] for ell in range(l_out + 1)])
        seen.append(h[0])
    hidden = mix(params["readouts.linear_1.weight"] / config.channels**0.5, seen[-1])
    output = mix(params["readouts.linear_2.weight"] / config.readout_width**0.5, hidden)[0]
    return config.scale * output + config.shift, torch.cat([*seen, hidden])


def _received(
    params: Params,
    config: NequipConfig,
    t: int,
    edges: Edges,
    basis: torch.Tensor,
    sphere: Components,
    h: torch.Tensor,
) -> list[torch.Tensor]:
    """For each angular momentum l: the neighbours' messages [2l+1, wide, N]."""
    (_, c, n), block = h.shape, f"layers.{t}"
    l_in, l_out = degrees(config, t)
    up = params[f"{block}.linear_up.weight"] / c**0.5
    starts = [ell * ell for ell in range(l_in + 2)]
    sent = [up[ell].T @ h[starts[ell] : starts[ell + 1]] for ell in range(l_in + 1)]
    sent = components(edges.gather(torch.cat(sent)))

    layers = [params[f"{block}.radial.layer{k}.weight"] for k in range(len(config.radial_mlp) + 1)]
    mixed = paths(l_in, l_out, config.l_max)
    radial = perceptron(layers, basis).view(len(mixed), c, 1, -1)

    made = [
        [radial[p] * x for x in couple(sent[path[0]], sphere[path[1]], path)]
        for p, path in enumerate(mixed)
    ]
    # Rows in the order (l, component, path, channel): what is mixed together lies together.
    rows = [
        [made[p][k] for k in range(2 * ell + 1) for p, path in enumerate(mixed) if path[2] == ell]
        for ell in range(l_out + 1)
    ]
    arrived = edges.scatter(torch.cat([x for part in rows for x in part]))
    found, begin = [], 0
    for ell, part in enumerate(rows):
        end = begin + len(part) * c
        weight = params[f"{block}.linear.{ell}.weight"]
        count = weight.shape[0] * c
        scale = (count * config.avg_num_neighbors) ** 0.5
        x = arrived[begin:end].view(2 * ell + 1, count, n)
        found.append((weight.reshape(count, -1) / scale).T @ x)
        begin = end
    return found


def _kept(
    params: Params, t: int, ell: int, h: torch.Tensor, elements: torch.Tensor
) -> torch.Tensor | float:
    """The self-connection of angular momentum ``ell``: channels mixed by each atom's element."""
    if ell * ell >= len(h):
        return 0.0
    weight = params[f"layers.{t}.self_connection.{ell}.weight"]
    own = mix((weight / weight.shape[1] ** 0.5).flatten(1), elements).view(*weight.shape[1:], -1)
    return (own[None] * h[ell * ell : (ell + 1) ** 2, :, None]).sum(1)


def _gated(parts: list[torch.Tensor]) -> torch.Tensor:
    """Scalars through silu; higher components times the scalars that were made for them."""
    scalars = SILU_NORM * silu(parts[0])
    own, *gates = scalars.split(scalars.shape[1] // len(parts), 1)
    return torch.cat([own, *(gate * x for gate, x in zip(gates, parts[1:], strict=True))])
