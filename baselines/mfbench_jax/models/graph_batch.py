"""Molecules of one batch as padded arrays of one shape.

A batch has B configurations of ``padding.atoms`` atom slots and ``padding.pairs`` pair slots each. Empty
slots carry index -1, which is a zero row in every 0/1 matrix, so they contribute nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

__all__ = ["GraphBatch", "Padding"]

Leaf = Any
"""A NumPy array while a batch is put together, a traced JAX array inside a program."""


class Padding(NamedTuple):
    """Places per configuration: atoms, unordered pairs within the cutoff, and neighbours of one atom.

    No ``neighbours`` means that every atom may be a neighbour of every other.
    """

    atoms: int
    pairs: int
    neighbours: int = 0

    @property
    def width(self) -> int:
        """Neighbour slots of one atom, at least 1."""
        return max(self.neighbours or self.atoms - 1, 1)


class GraphBatch(NamedTuple):
    """B configurations in slots; a pytree of arrays. N = B * padding.atoms.

    Attributes:
        positions: [N, 3], Å; zero in empty slots.
        species: [N] int32, index into ``config.elements``; -1 in empty slots.
        atom_mask: [N] bool.
        atom_configuration: [N] int32, the configuration of each slot.
        n_atoms: [B] int32; 0 for an empty configuration.
        charges: [B, 2], total charge (e) and number of unpaired electrons.
        pair_first, pair_second: [B, T] int32, atom indices within the configuration; -1 if empty.
        slot_of_first, slot_of_second: [B, T] int32, the slot of a pair at either atom; 0 if empty.
        sender: [B, n, K] int32, the neighbours of each atom, within the configuration; -1 if empty.
        back: [B, n, K] int32, the slot that the pair has at that neighbour; 0 if empty.
        pair: [B, n, K] int32, index of the pair; 0 if empty.
        energy: [B], eV: label, or zero.
        forces: [N, 3], eV/Å: label, or zero.
        has_label: [B] bool.
    """

    positions: Leaf
    species: Leaf
    atom_mask: Leaf
    atom_configuration: Leaf
    n_atoms: Leaf
    charges: Leaf
    pair_first: Leaf
    pair_second: Leaf
    slot_of_first: Leaf
    slot_of_second: Leaf
    sender: Leaf
    back: Leaf
    pair: Leaf
    energy: Leaf
    forces: Leaf
    has_label: Leaf

    @property
    def padding(self) -> Padding:
        """Places of this batch."""
        _, n, width = self.sender.shape
        return Padding(n, self.pair_first.shape[1], width)

    def one_hots(self, num_elements: int, dtype):
        """0/1 matrices: elements [B, Z, n], sender and receiver [B, n, 2T] of the directed edges.

        Edges are all pairs with ``pair_first`` receiving, then all pairs with ``pair_second`` receiving.
        """
        b = self.pair_first.shape[0]
        species = self.species.reshape(b, 1, -1)
        elements = (species == jnp.arange(num_elements)[:, None]).astype(dtype)
        atoms = jnp.arange(self.padding.atoms)[:, None]
        first, second = self.pair_first, self.pair_second
        receiver = (jnp.concatenate([first, second], 1)[:, None] == atoms).astype(dtype)
        sender = (jnp.concatenate([second, first], 1)[:, None] == atoms).astype(dtype)
        return elements, sender, receiver

    def _incidence(self, dtype):
        """[B, n, T]: +1 at the first atom of each pair, -1 at the second."""
        atoms = jnp.arange(self.padding.atoms)[:, None]
        first, second = self.pair_first[:, None] == atoms, self.pair_second[:, None] == atoms
        return first.astype(dtype) - second.astype(dtype)

    def pair_vectors(self):
        """[B, 3, T], Å: position of the first atom minus that of the second.

        An empty slot gets (1, 0, 0): any length but zero, at which the square root has no derivative.
        """
        b = self.pair_first.shape[0]
        x = self.positions.reshape(b, -1, 3)
        incidence = self._incidence(x.dtype)
        vectors = jnp.einsum("bnk,bnt->bkt", x, incidence, precision="highest")
        dummy = jnp.zeros((3, 1), x.dtype).at[0].set(1.0)
        return jnp.where((self.pair_first < 0)[:, None], dummy, vectors)

    def scatter_pairs(self, values):
        """Adds ``values`` [B, 3, T] to each pair's first atom and subtracts them at the second: [N, 3]."""
        incidence = self._incidence(values.dtype)
        return jnp.einsum("bkt,bnt->bnk", values, incidence, precision="highest").reshape(-1, 3)
