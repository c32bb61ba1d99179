"""Neighbour slots: every atom has K places for its neighbours, and sums over them run along an axis.

An unordered pair fills two slots, one at either atom; empty slots have sign 0. What is gathered here is
transposed by another gather (the slots of a pair know each other) and never by a scatter, which compilers
for CPUs turn into a loop; so the derivatives of any order are gathers, sums and small matrix products.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.custom_derivatives import linear_call

from mfbench_jax.models.graph_batch import GraphBatch

__all__ = ["Slots"]


class Slots:
    """The N * K slots of a batch of N atoms and P pair places, with flat indices.

    Attributes:
        sign: [N * K, 1]: +1 where the atom is the first of its pair, -1 the second, 0 an empty slot.
    """

    def __init__(self, batch: GraphBatch, dtype) -> None:
        b, n, self.width = batch.sender.shape
        pairs = batch.pair_first.shape[1]
        self.atoms = b * n
        here = batch.sender >= 0
        start = jnp.arange(b, dtype=jnp.int32)[:, None]
        sender = jnp.where(here, batch.sender, 0) + n * start[..., None]
        own = jnp.arange(self.atoms * self.width, dtype=jnp.int32).reshape(b, n, -1)
        back = jnp.where(here, sender * self.width + batch.back, own)
        pair = jnp.where(here, batch.pair, 0) + pairs * start[..., None]
        self._sender, self._back, self._pair = sender.ravel(), back.ravel(), pair.ravel()
        later = batch.sender > jnp.arange(n)[:, None]
        self.sign = jnp.where(here, jnp.where(later, 1, -1), 0).astype(dtype).reshape(-1, 1)
        real = batch.pair_first >= 0
        self._first, self._second = (
            ((jnp.where(real, atom, 0) + n * start) * self.width + slot).ravel()
            for atom, slot in (
                (batch.pair_first, batch.slot_of_first),
                (batch.pair_second, batch.slot_of_second),
            )
        )
        self._real = real.reshape(-1, 1).astype(dtype)

    def from_senders(self, x):
        """[N, F] → [N * K, F]: what the neighbours hold."""
        return linear_call(_take_senders, self._to_senders, (self._sender, self._back), x)

    def from_pairs(self, x):
        """[P, F] → [N * K, F]: what the pairs hold, in both of their slots."""
        return linear_call(_take_pairs, _to_pairs, (self._pair, self._first, self._second, self._real), x)

    def contract(self, y, x):
        """Outer products of ``y`` [N * K, m] and ``x`` [N * K, F], summed over slots: [N, m, F]."""
        y, x = (value.reshape(self.atoms, self.width, -1) for value in (y, x))
        return jax.lax.dot_general(y, x, (((1,), (1,)), ((0,), (0,))))

    def _to_senders(self, indices, y):
        return _take(y, indices[1]).reshape(self.atoms, self.width, -1).sum(1)


def _take(x, rows):
    return x.at[rows].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _take_senders(indices, x):
    return _take(x, indices[0])


def _take_pairs(indices, x):
    return _take(x, indices[0])


def _to_pairs(indices, y):
    _, first, second, real = indices
    return real * (_take(y, first) + _take(y, second))
