"""NequIP (Batzner et al. 2022): equivariant message passing with tensor features up to l = 2.

Every layer sends the product of the neighbour's features with the harmonics of the edge, weighted by a
network of the distance, adds what an element-dependent self-connection keeps, and gates the result by
scalars. The last layer gives scalars alone. Features have the parity of harmonics.

Layout: node arrays are [B, ..., atom], edge arrays [B, ..., edge]. Gathers and scatters are products with
0/1 matrices.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from mfbench.learned.architectures.couplings import paths
from mfbench.learned.architectures.nequip import NequipConfig, degrees
from mfbench_jax.models.coupling import components, couple, harmonics, mix_components
from mfbench_jax.models.edges import Edges
from mfbench_jax.models.radial import SILU_NORM, by_element, mix, radial_weights

__all__ = ["network"]


def network(params, config: NequipConfig, vectors, batch):
    """Energies of atoms [B, n] in eV and features [B, F, n], from pair vectors [B, 3, T] in Å.

    Features: the scalars of every layer, then those between the two maps of the readout.
    """
    elements, sender, receiver = batch.one_hots(len(config.elements), vectors.dtype)
    edges = Edges(config, vectors, sender, receiver)
    sphere = harmonics(edges, config.l_max, config.channels)
    h = by_element(params["node_embedding.weight"], elements)[:, None]
    seen = []
    for t in range(config.num_interactions):
        messages = _received(params, config, t, edges, sphere, h)
        l_out = degrees(config, t)[1]
        h = _gated([_kept(params, t, ell, h, elements) + messages[ell] for ell in range(l_out + 1)])
        seen.append(h[:, 0])
    hidden = mix(params["readouts.linear_1.weight"] / _root(config.channels), seen[-1])
    output = mix(params["readouts.linear_2.weight"] / _root(config.readout_width), hidden)[:, 0]
    return config.scale * output + config.shift, jnp.concatenate([*seen, hidden], 1)


def _received(params, config: NequipConfig, t: int, edges: Edges, sphere, h):
    """For each angular momentum l: the neighbours' messages [B, 2l+1, wide, n]."""
    (b, m, c, n), block = h.shape, f"layers.{t}"
    l_in, l_out = degrees(config, t)
    up = params[f"{block}.linear_up.weight"] / _root(c)
    starts = [ell * ell for ell in range(l_in + 2)]
    sent = [mix_components(up[ell], h[:, starts[ell] : starts[ell + 1]]) for ell in range(l_in + 1)]
    sent = edges.gather(jnp.concatenate(sent, 1).reshape(b, m * c, n)).reshape(b, m, c, -1)
    sent = components(sent)

    layers = [params[f"{block}.radial.layer{k}.weight"] for k in range(len(config.radial_mlp) + 1)]
    radial = radial_weights(layers, edges.basis)
    mixed = paths(l_in, l_out, config.l_max)
    radial = radial.reshape(b, len(mixed), c, -1)
    radial = jnp.concatenate([radial, radial], -1)

    made = [
        [radial[:, p] * x for x in couple(sent[path[0]], sphere[path[1]], path)]
        for p, path in enumerate(mixed)
    ]
    # Rows in the order (l, component, path, channel): what is mixed together lies together.
    rows = [
        [made[p][k] for k in range(2 * ell + 1) for p, path in enumerate(mixed) if path[2] == ell]
        for ell in range(l_out + 1)
    ]
    arrived = edges.scatter(jnp.concatenate([x for part in rows for x in part], 1))
    found, begin = [], 0
    for ell, part in enumerate(rows):
        end = begin + len(part) * c
        weight = params[f"{block}.linear.{ell}.weight"]
        count = weight.shape[0] * c
        scale = _root(count) * _root(config.avg_num_neighbors)
        x = arrived[:, begin:end].reshape(b, 2 * ell + 1, count, n)
        found.append(mix_components(weight.reshape(count, -1) / scale, x))
        begin = end
    return found


def _kept(params, t: int, ell: int, h, elements):
    """The self-connection of angular momentum ``ell``: channels mixed by each atom's element."""
    if ell * ell >= h.shape[1]:
        return 0.0
    weight = params[f"layers.{t}.self_connection.{ell}.weight"]
    own = by_element(weight / _root(weight.shape[1]), elements)  # [B, c, wide, n]
    x = h[:, ell * ell : (ell + 1) ** 2]
    return sum(own[:, None, k] * x[:, :, k, None] for k in range(weight.shape[1]))


def _gated(parts):
    """Scalars through silu; higher components times the scalars that were made for them."""
    scalars = SILU_NORM * jax.nn.silu(parts[0])
    c = scalars.shape[2] // len(parts)
    higher = [scalars[:, :, ell * c : (ell + 1) * c] * x for ell, x in enumerate(parts) if ell]
    return jnp.concatenate([scalars[:, :, :c], *higher], 1)


def _root(value: float) -> float:
    """A Python float, so that it never widens float32 arrays."""
    return float(np.sqrt(value))
