"""The toy backbone in JAX."""

import jax.numpy as jnp

from mfbench_jax.models.edges import Edges
from mfbench_jax.models.radial import mix


def network(params, config, vectors, batch):
    elements, sender, receiver = batch.one_hots(len(config.elements), vectors.dtype)
    edges = Edges(config, vectors, sender, receiver)
    basis = jnp.concatenate([edges.basis, edges.basis], -1)
    sent = edges.gather(elements)[:, :, None] * basis[:, None]
    b, z, r, t = sent.shape
    around = edges.scatter(sent.reshape(b, z * r, t)) / config.avg_num_neighbors
    seen = jnp.concatenate([elements, around], 1)
    body = jnp.tanh(mix(params["body.weight"], seen) / seen.shape[1] ** 0.5)
    hidden = jnp.tanh(mix(params["readouts.linear_1.weight"], body) / config.channels**0.5)
    output = mix(params["readouts.linear_2.weight"], hidden)[:, 0] / config.readout_width**0.5
    return config.scale * output + config.shift, jnp.concatenate([body, hidden], 1)
