"""MACE in JAX: the network of mace-torch's ScaleShiftMACE, with the same weights under the same names.

Supported: RealAgnosticResidualInteractionBlock in every layer (run_train's default), harmonics up
to l = 2, hidden scalars and vectors, correlation 2, two or more interactions, scalars only after
the last one, silu. The symmetric contraction uses the full coupling basis: mace's
``use_reduced_cg=False``, and also ``True`` without cuequivariance.

Layout: node arrays are [B, feature, atom], pair arrays [B, feature, pair]. The radial network sees
a pair once for both directions. Gathers and scatters are products with 0/1 matrices: fast on CPUs
at the size of molecules, and still products under any number of derivatives.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from mfbench.learned.architectures.mace import MaceConfig
from mfbench_jax.models.edges import Edges
from mfbench_jax.models.messages import message_mixer, messages, messages_from_scalars
from mfbench_jax.models.product import by_element, product_basis
from mfbench_jax.models.radial import SILU_NORM, mix, radial_weights

__all__ = ["network"]


def network(params, config: MaceConfig, vectors, batch):
    """Energies of atoms [B, n] in eV and features [B, F, n], from pair vectors [B, 3, T] in Å.

    Features: the scalars of every layer, then the hidden layer of the last readout.
    """
    elements, sender, receiver = batch.one_hots(len(config.elements), vectors.dtype)
    edges = Edges(config, vectors, sender, receiver)
    node_energy, seen = 0.0, []
    scalars = vector = None
    for t in range(config.num_interactions):
        last = t == config.num_interactions - 1
        if t == 0:
            received, residual = _first_layer(params, config, edges, elements)
        else:
            received, residual = _later_layer(params, config, t, edges, elements, scalars, vector)
        a = mix(
            message_mixer(params[f"interactions.{t}.linear.weight"], config.avg_num_neighbors), received
        )
        a = a.reshape(a.shape[0], 9, config.channels, -1)
        b0, b1 = product_basis(params, f"products.{t}", a, elements, vectors=not last)
        weight = params[f"products.{t}.linear.weight"] / _root(config.channels)
        scalars = mix(weight[0], b0) + residual[0]
        if not last:
            vector = _mix_vectors(weight[1], b1) + residual[1]
        read, hidden = _readout(params, config, t, scalars, last)
        node_energy += read
        seen += [scalars, *hidden]
    return config.scale * node_energy + config.shift, jnp.concatenate(seen, 1)


def _first_layer(params, config: MaceConfig, edges: Edges, elements):
    """Received messages [B, 9c, n] and the residual (scalars; no vectors) of the first layer.

    Features depend on the element alone here, so the table of elements is mixed, not the atoms.
    """
    z, c = len(config.elements), config.channels
    table = params["node_embedding.linear.weight"] / _root(z)
    h = table @ params["interactions.0.linear_up.weight"][0] / _root(c)
    sent = messages_from_scalars(
        _radial(params, config, edges, 0), edges.gather(by_element(h, elements)), edges.u, edges.y2
    )
    skip = params["interactions.0.skip_tp.weight"][0] / _root(c * z)
    residual = by_element(jnp.einsum("zc,czd->zd", table, skip), elements)
    return edges.scatter(sent), (residual, 0.0)


def _radial(params, config: MaceConfig, edges: Edges, t: int):
    """Weights of layer t's paths, [B, paths, c, 2T]."""
    name = f"interactions.{t}.conv_tp_weights.layer"
    layers = [params[f"{name}{k}.weight"] for k in range(len(config.radial_mlp) + 1)]
    w = radial_weights(layers, edges.basis)
    w = w.reshape(w.shape[0], -1, config.channels, w.shape[-1])
    return jnp.concatenate([w, w], -1)


def _later_layer(params, config: MaceConfig, t: int, edges: Edges, elements, scalars, vector):
    """Received messages [B, 21c, n] and the residual (scalars [B, c, n], vectors [B, 3, c, n])."""
    z, c = len(config.elements), config.channels
    b, _, n = scalars.shape
    up = params[f"interactions.{t}.linear_up.weight"] / _root(c)
    h = jnp.concatenate([mix(up[0], scalars), _mix_vectors(up[1], vector).reshape(b, 3 * c, n)], 1)
    h = edges.gather(h).reshape(b, 4, c, -1)
    sent = messages(_radial(params, config, edges, t), h, edges.u, edges.y2)
    skip = params[f"interactions.{t}.skip_tp.weight"] / _root(c * z)
    own = by_element(jnp.moveaxis(skip, 2, 0), elements)  # [B, l, c, c', n]
    residual = sum(own[:, 0, k] * scalars[:, k, None] for k in range(c))
    if own.shape[1] == 1:
        return edges.scatter(sent), (residual, 0.0)
    residual_vector = sum(own[:, 1, None, k] * vector[:, :, k, None] for k in range(c))
    return edges.scatter(sent), (residual, residual_vector)


def _readout(params, config: MaceConfig, t: int, scalars, last: bool):
    """Contribution of layer t to the node energies, [B, n]: linear, but a small network at the end.

    With it, the hidden layer of that network, [B, width, n], if there is one.
    """
    name = f"readouts.{t}"
    if not last:
        return mix(params[f"{name}.linear.weight"] / _root(config.channels), scalars)[:, 0], ()
    hidden = mix(params[f"{name}.linear_1.weight"] / _root(config.channels), scalars)
    hidden = SILU_NORM * jax.nn.silu(hidden)
    final = params[f"{name}.linear_2.weight"] / _root(config.readout_width)
    return mix(final, hidden)[:, 0], (hidden,)


def _mix_vectors(weight, x):
    """``mix`` over the channels of [B, 3, c, n]."""
    b, three, c, n = x.shape
    return mix(weight, x.reshape(b * three, c, n)).reshape(b, three, -1, n)


def _root(value: int) -> float:
    """A Python float, so that it never widens float32 arrays."""
    return float(np.sqrt(value))
