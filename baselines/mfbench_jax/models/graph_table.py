"""A whole data set as padded arrays: neighbour pairs are found once, batches assembled by indexing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mfbench.data.configuration import BlindConfiguration
from mfbench.learned.architectures.neighbours import element_indices, neighbour_pairs, size_classes
from mfbench_jax.models.graph_batch import GraphBatch, Padding

__all__ = ["GraphTable", "round_up"]


def round_up(value: int, step: int) -> int:
    """The smallest positive multiple of ``step`` that is at least ``value``."""
    return max(step, -(-value // step) * step)


class GraphTable:
    """A data set as padded NumPy arrays, neighbour lists included; batches are taken by index.

    Labels are float64 here. ``take`` casts to ``dtype`` (subtract energies of isolated atoms
    beforehand: float32 does not hold total energies).
    """

    def __init__(self, configurations: Sequence, config, *, padding: Padding | None = None):
        """``config`` gives ``elements`` and ``r_max``.

        Raises UnknownElementError; ValueError if ``padding`` is too small.
        """
        elements = tuple(config.elements)
        graphs = [
            (
                element_indices(x.atomic_numbers, elements),
                *neighbour_pairs(np.asarray(x.positions, float), config.r_max),
            )
            for x in configurations
        ]
        n_atoms = np.array([len(g[0]) for g in graphs], np.int32)
        n_pairs = np.array([len(g[1]) for g in graphs], np.int32)
        need = Padding(round_up(int(n_atoms.max(initial=1)), 4), round_up(int(n_pairs.max(initial=1)), 32))
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
            if isinstance(x, BlindConfiguration) or x.energy is None or x.forces is None:
                continue
            self.energy[k], self.has_label[k] = x.energy, True
            self.forces[k, : self.n_atoms[k]] = x.forces

    def __len__(self) -> int:
        """Number of configurations."""
        return len(self.n_atoms)

    def size_classes(self, count: int) -> tuple[np.ndarray, list[Padding]]:
        """Split the data set by number of pairs into at most ``count`` classes of equal share.

        Returns:
            [m] class of every configuration, and the padding of each class.
        """
        classes = size_classes(self.n_pairs, count)
        members = [np.flatnonzero(classes == k) for k in range(classes.max(initial=-1) + 1)]
        paddings = [
            Padding(round_up(int(self.n_atoms[m].max()), 2), round_up(int(self.n_pairs[m].max()), 8))
            for m in members
        ]
        return classes, paddings

    def take(
        self, indices, *, size: int | None = None, padding: Padding | None = None, dtype=np.float32
    ) -> GraphBatch:
        """The configurations at ``indices`` as a batch of NumPy arrays.

        ``size`` > len(indices) appends empty configurations; ``padding`` trims the slots (it must
        hold them all).
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
        # NumPy arrays, until a program takes them.
        made: Any = dict(
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
        return GraphBatch(**made)
