"""Allegro (Musaelian et al. 2023): strictly local, tensor features live on the edges of a centre atom.

An edge holds scalars (the latent) and tensors. Every layer multiplies its tensors with the centre's
environment, a sum over the harmonics of all its edges weighted by their latents, and feeds the scalars of
the product back into the latent. No message leaves a centre, so an atom feels nothing beyond the cutoff.
The receiving atom of a directed edge is its centre; layout as in ``nequip``.
"""

from __future__ import annotations

import torch

from mfbench.learned.architectures.allegro import AllegroConfig
from mfbench.learned.architectures.couplings import paths
from mfbench_torch.models.coupling import Components, components, couple, harmonics
from mfbench_torch.models.edges import Edges
from mfbench_torch.models.geometry import Geometry
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.models.leaves import Leaves, geometry_leaves
from mfbench_torch.models.messages import mix
from mfbench_torch.models.radial import perceptron

__all__ = ["network", "start"]

Params = dict[str, torch.Tensor]
_NEW = 0.5
"""Weight of a layer's latent beside the one before it."""


def start(params: Params, config: AllegroConfig, geometry: Geometry, *, forces: bool = False) -> Leaves:
    """Directions, radial basis and cutoff of the pairs."""
    return geometry_leaves(geometry, forces=forces)


def network(
    params: Params, config: AllegroConfig, batch: GraphBatch, leaves: Leaves
) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies of atoms [N] in eV, and features [F, N].

    Features: all latents, summed over the edges of an atom, then those between the maps of the readout.
    """
    direction, basis, cutoff = leaves.tensors
    edges, elements = Edges(batch, direction), batch.elements.T
    sphere = harmonics(edges.u, config.l_max)
    both = basis[:, None].expand(-1, 2, -1)
    known = torch.cat([edges.gather(elements), edges.gather_centre(elements), both])
    latent = cutoff * _perceptron(params, "two_body", known)
    weights = _by_degree(params["tensor_embedding.weight"], latent)
    tensors = [[weights[ell] * y for y in part] for ell, part in enumerate(sphere)]
    seen = [latent]
    for t in range(config.num_layers):
        last = t == config.num_layers - 1
        around = _environment(params, config, t, edges, sphere, latent)
        mixed = paths(config.l_max, 0 if last else config.l_max, config.l_max)
        products = [couple(tensors[path[0]], around[path[1]], path) for path in mixed]
        scalars = [made[0] for path, made in zip(mixed, products, strict=True) if path[2] == 0]
        new = cutoff * _perceptron(params, f"layers.{t}.latent", torch.cat([latent, *scalars]))
        latent = (latent + _NEW * new) / (1.0 + _NEW**2) ** 0.5
        if not last:
            tensors = _combined(params, t, mixed, products)
        seen.append(latent)
    atoms = edges.scatter(torch.cat(seen)) / config.avg_num_neighbors**0.5
    hidden = mix(params["readouts.linear_1.weight"] / config.latent**0.5, atoms[-config.latent :])
    output = mix(params["readouts.linear_2.weight"] / config.readout_width**0.5, hidden)[0]
    return config.scale * output + config.shift, torch.cat([atoms, hidden])


def _environment(
    params: Params,
    config: AllegroConfig,
    t: int,
    edges: Edges,
    sphere: Components,
    latent: torch.Tensor,
) -> Components:
    """The harmonics around each edge's centre, weighted by the latents; on the edges."""
    weights = _by_degree(params[f"layers.{t}.environment.weight"], latent)
    rows = [weights[ell] * y for ell, part in enumerate(sphere) for y in part]
    summed = edges.scatter(torch.stack(rows)) / config.avg_num_neighbors**0.5
    return components(edges.gather_centre(summed))


def _combined(
    params: Params, t: int, mixed: list[tuple[int, int, int]], products: Components
) -> Components:
    """Paths of one angular momentum added up with a weight per channel, then channels mixed."""
    weight, linear = params[f"layers.{t}.path_weights"], params[f"layers.{t}.linear.weight"]
    found = []
    for ell, mixer in enumerate(linear):
        chosen = [p for p, path in enumerate(mixed) if path[2] == ell]
        scaled = [weight[p][:, None, None] / len(chosen) ** 0.5 for p in chosen]
        parts = [
            sum(w * products[p][k] for w, p in zip(scaled, chosen, strict=True)) for k in range(2 * ell + 1)
        ]
        found.append([mix(mixer / len(mixer) ** 0.5, part) for part in parts])
    return found


def _perceptron(params: Params, name: str, x: torch.Tensor) -> torch.Tensor:
    count = sum(key.startswith(f"{name}.") for key in params)
    return perceptron([params[f"{name}.layer{k}.weight"] for k in range(count)], x)


def _by_degree(weight: torch.Tensor, latent: torch.Tensor) -> list[torch.Tensor]:
    """For each angular momentum, [latent, c] applied to the latents: [c, 2, T]."""
    return [mix(w / len(w) ** 0.5, latent) for w in weight]
