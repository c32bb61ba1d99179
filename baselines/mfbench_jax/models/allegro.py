"""Allegro (Musaelian et al. 2023): strictly local, tensor features live on the edges of a centre atom.

An edge holds scalars (the latent) and tensors. Every layer multiplies its tensors with the centre's
environment, a sum over the harmonics of all its edges weighted by their latents, and feeds the scalars of
the product back into the latent. No message leaves a centre, so an atom feels nothing beyond the cutoff.
The receiving atom of a directed edge is its centre; layout as in ``nequip``.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from mfbench.learned.architectures.allegro import AllegroConfig
from mfbench.learned.architectures.couplings import paths
from mfbench_jax.models.coupling import components, couple, harmonics, mix_components
from mfbench_jax.models.edges import Edges
from mfbench_jax.models.radial import mix, radial_weights

__all__ = ["network"]

_NEW = 0.5
"""Weight of a layer's latent beside the one before it."""


def network(params, config: AllegroConfig, vectors, batch):
    """Energies of atoms [B, n] in eV and features [B, F, n], from pair vectors [B, 3, T] in Å.

    Features: all latents, summed over the edges of an atom, then those between the two maps of the readout.
    """
    elements, sender, receiver = batch.one_hots(len(config.elements), vectors.dtype)
    edges = Edges(config, vectors, sender, receiver)
    sphere = harmonics(edges, config.l_max, config.channels)
    cutoff = jnp.concatenate([edges.cutoff, edges.cutoff], -1)[:, None]
    basis = jnp.concatenate([edges.basis, edges.basis], -1)
    known = jnp.concatenate([edges.gather(elements), edges.gather_centre(elements), basis], 1)
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
        new = cutoff * _perceptron(params, f"layers.{t}.latent", jnp.concatenate([latent, *scalars], 1))
        latent = (latent + _NEW * new) / _root(1.0 + _NEW**2)
        if not last:
            tensors = _combined(params, t, mixed, products)
        seen.append(latent)
    atoms = edges.scatter(jnp.concatenate(seen, 1)) / _root(config.avg_num_neighbors)
    hidden = mix(params["readouts.linear_1.weight"] / _root(config.latent), atoms[:, -config.latent :])
    output = mix(params["readouts.linear_2.weight"] / _root(config.readout_width), hidden)[:, 0]
    return config.scale * output + config.shift, jnp.concatenate([atoms, hidden], 1)


def _environment(params, config: AllegroConfig, t: int, edges: Edges, sphere, latent):
    """The harmonics around each edge's centre, weighted by the latents; ``components`` on the edges."""
    weights = _by_degree(params[f"layers.{t}.environment.weight"], latent)
    rows = [weights[ell] * y for ell, part in enumerate(sphere) for y in part]
    summed = edges.scatter(jnp.concatenate(rows, 1)) / _root(config.avg_num_neighbors)
    back = edges.gather_centre(summed)
    return components(back.reshape(back.shape[0], len(rows), config.channels, -1))


def _combined(params, t: int, mixed, products):
    """Paths of one angular momentum added up with a weight per channel, then channels mixed."""
    weight, linear = params[f"layers.{t}.path_weights"], params[f"layers.{t}.linear.weight"]
    found = []
    for ell in range(linear.shape[0]):
        chosen = [p for p, path in enumerate(mixed) if path[2] == ell]
        scaled = [weight[p][None, :, None] / _root(len(chosen)) for p in chosen]
        parts = [
            sum(w * products[p][k] for w, p in zip(scaled, chosen, strict=True)) for k in range(2 * ell + 1)
        ]
        together = mix_components(linear[ell] / _root(linear.shape[1]), jnp.stack(parts, 1))
        found.append([together[:, k] for k in range(2 * ell + 1)])
    return found


def _perceptron(params, name: str, x):
    count = sum(key.startswith(f"{name}.") for key in params)
    return radial_weights([params[f"{name}.layer{k}.weight"] for k in range(count)], x)


def _by_degree(weight, latent):
    """For each angular momentum, [latent, c] applied to the latents: [B, c, 2T]."""
    return [mix(w / _root(w.shape[0]), latent) for w in weight]


def _root(value: float) -> float:
    """A Python float, so that it never widens float32 arrays."""
    return float(np.sqrt(value))
