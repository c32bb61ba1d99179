"""Molecules as padded arrays of one shape: neighbour pairs found once, batches assembled by indexing.

Padding is by slots: a batch has B configurations of ``padding.atoms`` atom slots and ``padding.pairs`` pair
slots each. Empty slots carry index -1, which is a zero row in every 0/1 matrix, so they contribute nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

__all__ = [
    "GraphBatch",
    "GraphTable",
    "Padding",
    "UnknownElementError",
    "batch_configurations",
    "padding_for",
]


class UnknownElementError(ValueError):
    """A configuration holds an element that the model does not know."""


class Padding(NamedTuple):
    """Slots per configuration: atoms, and unordered pairs within the cutoff."""

    atoms: int
    pairs: int


class GraphBatch(NamedTuple):
    """B configurations in slots; a pytree of arrays. N = B * padding.atoms.

    Attributes:
        positions: [N, 3], Å; zero in empty slots.
        species: [N] int32, index into ``config.elements``; -1 in empty slots.
        atom_mask: [N] bool.
        atom_configuration: [N] int32, the configuration of each slot.
        n_atoms: [B] int32; 0 for an empty configuration.
        pair_first, pair_second: [B, T] int32, atom indices within the configuration; -1 if empty.
        energy: [B], eV: label, or zero.
        forces: [N, 3], eV/Å: label, or zero.
        has_label: [B] bool.
    """

    positions: jax.Array
    species: jax.Array
    atom_mask: jax.Array
    atom_configuration: jax.Array
    n_atoms: jax.Array
    pair_first: jax.Array
    pair_second: jax.Array
    energy: jax.Array
    forces: jax.Array
    has_label: jax.Array

    @property
    def padding(self) -> Padding:
        """Slots of this batch."""
        b, t = self.pair_first.shape
        return Padding(self.positions.shape[0] // b, t)

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
        b, t = self.pair_first.shape
        x = self.positions.reshape(b, -1, 3)
        incidence = self._incidence(x.dtype)
        vectors = jnp.einsum("bnk,bnt->bkt", x, incidence, precision="highest")
        dummy = jnp.zeros((3, 1), x.dtype).at[0].set(1.0)
        return jnp.where((self.pair_first < 0)[:, None], dummy, vectors)

    def scatter_pairs(self, values):
        """Adds ``values`` [B, 3, T] to each pair's first atom and subtracts them at the second: [N, 3]."""
        incidence = self._incidence(values.dtype)
        return jnp.einsum("bkt,bnt->bnk", values, incidence, precision="highest").reshape(-1, 3)


def _neighbour_pairs(positions: np.ndarray, r_max: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices i < j of all atoms closer than ``r_max``."""
    delta = positions[:, None] - positions[None]
    close = np.einsum("ijk,ijk->ij", delta, delta) < r_max * r_max
    return np.nonzero(np.triu(close, 1))


def _species(configuration, lookup: np.ndarray, elements: Sequence[int]) -> np.ndarray:
    numbers = np.asarray(configuration.atomic_numbers, int)
    index = np.where((numbers >= 0) & (numbers < len(lookup)), lookup[numbers.clip(0, len(lookup) - 1)], -1)
    if (index < 0).any():
        missing = ", ".join(str(z) for z in sorted(set(numbers[index < 0].tolist())))
        known = ", ".join(str(z) for z in elements)
        raise UnknownElementError(f"no weights for atomic number {missing}; the model knows {known}")
    return index


def _round_up(value: int, step: int) -> int:
    return max(step, -(-value // step) * step)


def padding_for(configurations: Sequence, config, *, atoms: int = 4, pairs: int = 32) -> Padding:
    """The smallest padding, in steps of ``atoms`` and ``pairs``, that holds every configuration."""
    n = max((len(x.atomic_numbers) for x in configurations), default=1)
    t = max(
        (len(_neighbour_pairs(np.asarray(x.positions), config.r_max)[0]) for x in configurations), default=1
    )
    return Padding(_round_up(n, atoms), _round_up(t, pairs))


class GraphTable:
    """A data set as padded NumPy arrays, neighbour lists included; batches are taken by index.

    Labels are float64 here. ``take`` casts to ``dtype`` (subtract energies of isolated atoms beforehand: float32
    does not hold total energies).
    """

    def __init__(self, configurations: Sequence, config, *, padding: Padding | None = None):
        """``config`` gives ``elements`` and ``r_max``. Raises UnknownElementError; ValueError if padding is too small."""
        elements = tuple(config.elements)
        lookup = np.full(max(elements) + 1, -1)
        lookup[list(elements)] = np.arange(len(elements))
        graphs = [
            (_species(x, lookup, elements), *_neighbour_pairs(np.asarray(x.positions, float), config.r_max))
            for x in configurations
        ]
        n_atoms = np.array([len(g[0]) for g in graphs], np.int32)
        n_pairs = np.array([len(g[1]) for g in graphs], np.int32)
        need = Padding(
            _round_up(int(n_atoms.max(initial=1)), 4), _round_up(int(n_pairs.max(initial=1)), 32)
        )
        self.padding = padding = padding or need
        if len(graphs) and (n_atoms.max() > padding.atoms or n_pairs.max() > padding.pairs):
            raise ValueError(
                f"padding {tuple(padding)} is too small: {n_atoms.max()} atoms, {n_pairs.max()} pairs"
            )
        m = len(graphs)
        self.n_atoms, self.n_pairs = n_atoms, n_pairs
        self.positions = np.zeros((m, padding.atoms, 3))
        self.species = np.full((m, padding.atoms), -1, np.int32)
        self.first = np.full((m, padding.pairs), -1, np.int32)
        self.second = np.full((m, padding.pairs), -1, np.int32)
        self.energy = np.zeros(m)
        self.forces = np.zeros((m, padding.atoms, 3))
        self.has_label = np.zeros(m, bool)
        for k, (x, (species, first, second)) in enumerate(zip(configurations, graphs, strict=True)):
            n, t = len(species), len(first)
            self.positions[k, :n] = x.positions
            self.species[k, :n] = species
            self.first[k, :t], self.second[k, :t] = first, second
        self._read_labels(configurations)

    def _read_labels(self, configurations: Sequence) -> None:
        for k, x in enumerate(configurations):
            # Blind configurations refuse to show a label; they are of another type by design.
            if type(x).__name__ == "BlindConfiguration" or x.energy is None or x.forces is None:
                continue
            self.energy[k], self.has_label[k] = x.energy, True
            self.forces[k, : self.n_atoms[k]] = x.forces

    def __len__(self) -> int:
        """Number of configurations."""
        return len(self.n_atoms)

    def fitting(self, indices, *, atoms: int = 4, pairs: int = 32) -> Padding:
        """The smallest padding, in steps, that holds the configurations at ``indices``."""
        return Padding(
            _round_up(int(self.n_atoms[indices].max(initial=1)), atoms),
            _round_up(int(self.n_pairs[indices].max(initial=1)), pairs),
        )

    def take(
        self, indices, *, size: int | None = None, padding: Padding | None = None, dtype=np.float32
    ) -> GraphBatch:
        """The configurations at ``indices`` as a batch of NumPy arrays.

        ``size`` > len(indices) appends empty configurations; ``padding`` trims the slots (it must hold them all).
        """
        indices = np.asarray(indices, int)
        n, t = padding or self.padding
        if len(indices) and (self.n_atoms[indices].max() > n or self.n_pairs[indices].max() > t):
            raise ValueError(f"padding {(n, t)} is too small for the configurations asked for")
        b = size or len(indices)
        if len(indices) > b:
            raise ValueError(f"{len(indices)} configurations do not fit a batch of {b}")

        def pick(array, width, empty):
            rows = array[indices]
            shape = (b, *((width,) if width else ()), *array.shape[2 if width else 1 :])
            out = np.full(shape, empty, array.dtype)
            overlap = min(width, array.shape[1]) if width else None
            out[: len(indices), :overlap] = rows[:, :overlap] if width else rows
            return out

        species = pick(self.species, n, -1).reshape(-1)
        return GraphBatch(
            positions=pick(self.positions, n, 0).reshape(-1, 3).astype(dtype),
            species=species,
            atom_mask=species >= 0,
            atom_configuration=np.repeat(np.arange(b, dtype=np.int32), n),
            n_atoms=np.concatenate([self.n_atoms[indices], np.zeros(b - len(indices), np.int32)]),
            pair_first=pick(self.first, t, -1),
            pair_second=pick(self.second, t, -1),
            energy=np.concatenate([self.energy[indices], np.zeros(b - len(indices))]).astype(dtype),
            forces=pick(self.forces, n, 0).reshape(-1, 3).astype(dtype),
            has_label=np.concatenate([self.has_label[indices], np.zeros(b - len(indices), bool)]),
        )


def batch_configurations(
    configurations: Sequence,
    config,
    *,
    padding: Padding | None = None,
    size: int | None = None,
    dtype=np.float32,
) -> GraphBatch:
    """All configurations in one batch; ``padding`` defaults to ``padding_for`` (few shapes, few compilations)."""
    table = GraphTable(configurations, config, padding=padding)
    return table.take(np.arange(len(table)), size=size, dtype=dtype)
