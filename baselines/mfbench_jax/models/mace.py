"""MACE in JAX: the network of mace-torch's ScaleShiftMACE, with the same weights under the same names.

Supported: RealAgnosticResidualInteractionBlock in every layer (run_train's default), harmonics up
to l = 2, hidden scalars and vectors, correlation 2, two or more interactions, scalars only after
the last one, silu. The symmetric contraction uses the full coupling basis: mace's
``use_reduced_cg=False``, and also ``True`` without cuequivariance.

Layout: the atoms of all configurations lie on one axis, the first; every atom has K slots for its
neighbours, see ``slots``; channels are the last axis. The radial network sees a pair once, but for its last
layer, which is linear and cheaper to repeat in both slots than to copy.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mfbench.learned.architectures.mace import MaceConfig
from mfbench_jax.models.geometry import pair_geometry
from mfbench_jax.models.messages import first_messages, later_messages
from mfbench_jax.models.product import mixed_by_element, product_basis
from mfbench_jax.models.radial import SILU_NORM
from mfbench_jax.models.slots import Slots

__all__ = ["network"]


def network(params, config: MaceConfig, vectors, batch):
    """Energies of atoms [B, n] in eV and features [B, F, n], from pair vectors [B, 3, T] in Å.

    Features: the scalars of every layer, then the hidden layer of the last readout.
    """
    slots = Slots(batch, vectors.dtype)
    elements = (batch.species[:, None] == jnp.arange(len(config.elements))).astype(vectors.dtype)
    basis, harmonics = pair_geometry(config, vectors, slots)
    output: Any = 0.0
    seen: list[Any] = []
    scalars = vector = None
    for t in range(config.num_interactions):
        last = t == config.num_interactions - 1
        radial = _radial(params, config, basis, slots, t)
        around = (params[f"interactions.{t}.linear.weight"], radial)
        if t == 0:
            h, residual = _first_layer(params, config, elements, batch)
            a = first_messages(*around, slots.from_senders(h), harmonics, slots, config.avg_num_neighbors)
        else:
            h, residual = _later_layer(params, config, t, elements, scalars, vector)
            h = jnp.split(slots.from_senders(h), 4, 1)
            a = later_messages(*around, h, harmonics, slots, config.avg_num_neighbors)
        b0, b1 = product_basis(params, f"products.{t}", a, elements, vectors=not last)
        weight = params[f"products.{t}.linear.weight"] / _root(config.channels)
        scalars = b0 @ weight[0] + residual[0]
        if not last:
            vector = b1 @ weight[1] + residual[1]
        read, hidden = _readout(params, config, t, scalars, last)
        output += read
        seen += [scalars, *hidden]
    features = jnp.concatenate(seen, 1).reshape(len(batch.n_atoms), -1, sum(x.shape[1] for x in seen))
    return (config.scale * output + config.shift).reshape(features.shape[:2]), jnp.swapaxes(features, 1, 2)


def _first_layer(params, config: MaceConfig, elements, batch):
    """What atoms send [N, c], and the residual (scalars; no vectors) of the first layer.

    Features depend on the element alone here, and in proportion on charges where the network is told of
    them, so the tables of elements are mixed, not the atoms.
    """
    z, c = len(config.elements), config.channels
    tables, inputs = params["node_embedding.linear.weight"][None], elements
    if config.charge_inputs:
        tables = jnp.concatenate([tables, params["charge_embedding.weight"]])
        charge, unpaired = batch.charges[batch.atom_configuration].T[:, :, None]
        inputs = jnp.concatenate([elements, charge * elements, unpaired * elements], 1)
    tables = tables / _root(z)
    h = tables @ params["interactions.0.linear_up.weight"][0] / _root(c)
    skip = params["interactions.0.skip_tp.weight"][0] / _root(c * z)
    kept = jnp.einsum("qzc,czd->qzd", tables, skip)
    return inputs @ h.reshape(-1, c), (inputs @ kept.reshape(-1, kept.shape[-1]), 0.0)


def _radial(params, config: MaceConfig, basis, slots: Slots, t: int):
    """Weights of layer t's paths, each [N * K, c]; zero in empty slots is what the harmonics are."""
    name, x = f"interactions.{t}.conv_tp_weights.layer", basis
    *hidden, last = (params[f"{name}{k}.weight"] for k in range(len(config.radial_mlp) + 1))
    for weight in hidden:
        x = SILU_NORM * jax.nn.silu(x @ (weight / _root(weight.shape[0])))
    w = slots.from_pairs(x) @ (last / _root(last.shape[0]))
    return jnp.split(w, w.shape[1] // config.channels, 1)


def _later_layer(params, config: MaceConfig, t: int, elements, scalars, vector):
    """What atoms send [N, 4c], and the residual (scalars [N, c], vectors [N, 3, c])."""
    z, c = len(config.elements), config.channels
    up = params[f"interactions.{t}.linear_up.weight"] / _root(c)
    h = jnp.concatenate([scalars @ up[0], (vector @ up[1]).reshape(-1, 3 * c)], 1)
    skip = params[f"interactions.{t}.skip_tp.weight"] / _root(c * z)
    residual = mixed_by_element(skip[0], scalars, elements)
    return h, (residual, mixed_by_element(skip[1], vector, elements) if len(skip) > 1 else 0.0)


def _readout(params, config: MaceConfig, t: int, scalars, last: bool):
    """Contribution of layer t to the node energies, [N]: linear, but a small network at the end.

    With it, the hidden layer of that network, [N, width], if there is one.
    """
    name = f"readouts.{t}"
    if not last:
        return (scalars @ (params[f"{name}.linear.weight"] / _root(config.channels)))[:, 0], ()
    hidden = scalars @ (params[f"{name}.linear_1.weight"] / _root(config.channels))
    hidden = SILU_NORM * jax.nn.silu(hidden)
    final = params[f"{name}.linear_2.weight"] / _root(config.readout_width)
    return (hidden @ final)[:, 0], (hidden,)


def _root(value: int) -> float:
    """A Python float, so that it never widens float32 arrays."""
    return float(np.sqrt(value))
