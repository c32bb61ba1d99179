"""Radial functions: Bessel basis, polynomial cutoff and the MLP that weights the messages.

Arrays keep pairs on the last axis, so that elementwise work runs over contiguous memory.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["SILU_NORM", "by_element", "cutoff", "mix", "radial_basis", "radial_weights"]

SILU_NORM = 1.6791767923989418
"""e3nn's normalize2mom constant of silu: its own fixed Monte-Carlo estimate of <silu(z)^2>^(-1/2).

The exact integral differs in the third digit (1.6768); weights are only exchangeable with e3nn's number.
"""


def mix(weight, x):
    """Contract ``weight`` [in, out] with axis -2 of ``x`` [B, in, T]: [B, out, T].

    The weight is broadcast over the batch: one small matrix product per configuration keeps the
    pairs contiguous, where one large product would transpose its operands.
    """
    w = jnp.broadcast_to(weight.T, (x.shape[0], *weight.T.shape))
    return jax.lax.dot_general(w, x, (((2,), (1,)), ((0,), (0,))))


def by_element(table, elements):
    """Rows of ``table`` [Z, ...] for each atom; ``elements`` [B, Z, n] is one-hot. Returns [B, ..., n]."""
    z, rest = table.shape[0], table.shape[1:]
    out = mix(table.reshape(z, -1), elements)
    return out.reshape(out.shape[0], *rest, out.shape[-1])


def cutoff(r, r_max: float, p: int):
    """The polynomial cutoff of exponent ``p``: 1 at r = 0; 0, with two derivatives, from r_max on."""
    x = r / r_max
    value = 1.0 + x**p * (-(p + 1.0) * (p + 2.0) / 2.0 + p * (p + 2.0) * x - (p * (p + 1.0) / 2.0) * x**2)
    return jnp.where(r < r_max, value, 0.0)


def radial_basis(r, envelope, r_max: float, num_bessel: int):
    """Spherical Bessel functions times the cutoff ``envelope`` [B, T], for distances ``r`` [B, T] in Å.

    Returns [B, num_bessel, T].
    """
    k = jnp.asarray(np.pi / r_max * np.arange(1, num_bessel + 1), r.dtype)
    envelope = float(np.sqrt(2.0 / r_max)) * envelope / r
    return jnp.sin(k[:, None] * r[:, None, :]) * envelope[:, None, :]


def radial_weights(weights, basis):
    """The bias-free radial MLP: ``weights`` is a list of [in, out], ``basis`` [B, num_bessel, T].

    Every layer divides by sqrt(in); hidden layers apply silu normalised as in e3nn. Returns [B, out, T].
    """
    x = basis
    for weight in weights[:-1]:
        x = SILU_NORM * jax.nn.silu(mix(weight / float(np.sqrt(weight.shape[0])), x))
    last = weights[-1]
    return mix(last / float(np.sqrt(last.shape[0])), x)
