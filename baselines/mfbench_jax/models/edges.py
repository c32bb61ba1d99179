"""Geometry of the directed edges of a batch, and sums along them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from mfbench.learned.architectures.registry import Config
from mfbench_jax.models.irreps import harmonics_2
from mfbench_jax.models.radial import cutoff, radial_basis

__all__ = ["Edges"]


class Edges:
    """Geometry of the 2T directed edges: every pair seen from its first atom, then from its second."""

    def __init__(self, config: Config, vectors, sender, receiver):
        r = jnp.sqrt(vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 2] ** 2)
        u = vectors / r[:, None]
        y2 = harmonics_2(u, 1)
        self.cutoff = cutoff(r, config.r_max, config.cutoff_power)
        self.basis = radial_basis(r, self.cutoff, config.r_max, config.num_bessel)
        self.u, self.y2 = jnp.concatenate([u, -u], -1), jnp.concatenate([y2, y2], -1)
        self._sender, self._receiver = sender, receiver

    def gather(self, x):
        """[B, F, n] -> [B, F, 2T]: features of each edge's sender."""
        return jax.lax.dot_general(x, self._sender, (((2,), (1,)), ((0,), (0,))))

    def gather_centre(self, x):
        """[B, F, n] -> [B, F, 2T]: features of each edge's receiver."""
        return jax.lax.dot_general(x, self._receiver, (((2,), (1,)), ((0,), (0,))))

    def scatter(self, x):
        """[B, F, 2T] -> [B, F, n]: sums over the edges that arrive at each atom."""
        return jax.lax.dot_general(x, self._receiver, (((2,), (2,)), ((0,), (0,))))
