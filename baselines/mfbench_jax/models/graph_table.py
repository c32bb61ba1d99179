"""A whole data set as padded arrays: neighbour pairs are found once, batches assembled by indexing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import BlindConfiguration
from mfbench.learned.architectures.neighbours import element_indices, neighbour_pairs, size_classes
from mfbench_jax.models.graph_batch import GraphBatch, Padding
from mfbench_jax.models.neighbour_slots import NeighbourSlots

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
        lists = [NeighbourSlots.of(n, g[1], g[2]) for n, g in zip(n_atoms, graphs, strict=True)]
        n_neighbours = np.array([x.width for x in lists], np.int32)
        self.n_atoms, self.n_pairs, self.n_neighbours = n_atoms, n_pairs, n_neighbours
        self.padding = padding = padding or self._need(atoms=4, pairs=32, neighbours=2)
        self._refuse_larger(padding, np.arange(len(graphs)))
        m = len(graphs)
        self.positions = np.zeros((m, padding.atoms, 3))
        self.species = np.full((m, padding.atoms), -1, np.int32)
        self.first = np.full((m, padding.pairs), -1, np.int32)
        self.second = np.full((m, padding.pairs), -1, np.int32)
        self.slot_of_first, self.slot_of_second = (np.zeros((m, padding.pairs), np.int32) for _ in range(2))
        self.sender = np.full((m, padding.atoms, padding.width), -1, np.int32)
        self.back, self.pair = (np.zeros((m, padding.atoms, padding.width), np.int32) for _ in range(2))
        self.charges = np.array([(x.total_charge, x.n_unpaired) for x in configurations], float).reshape(
            m, 2
        )
        self.energy = np.zeros(m)
        self.forces = np.zeros((m, padding.atoms, 3))
        self.has_label = np.zeros(m, bool)
        for k, (x, (species, first, second)) in enumerate(zip(configurations, graphs, strict=True)):
            n, t = len(species), len(first)
            self.positions[k, :n] = x.positions
            self.species[k, :n] = species
            self.first[k, :t], self.second[k, :t] = first, second
            slots = lists[k]
            self.slot_of_first[k, :t], self.slot_of_second[k, :t] = (
                slots.slot_of_first,
                slots.slot_of_second,
            )
            for name in ("sender", "back", "pair"):
                getattr(self, name)[k, :n, : slots.width] = getattr(slots, name)
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

    def _need(self, members=slice(None), *, atoms: int, pairs: int, neighbours: int) -> Padding:
        """The padding of the configurations ``members``, in such steps."""
        return Padding(
            round_up(int(self.n_atoms[members].max(initial=1)), atoms),
            round_up(int(self.n_pairs[members].max(initial=1)), pairs),
            round_up(int(self.n_neighbours[members].max(initial=1)), neighbours),
        )

    def fits(self, padding: Padding) -> np.ndarray:
        """[m] whether each configuration fits the padding."""
        return (
            (self.n_atoms <= padding.atoms)
            & (self.n_pairs <= padding.pairs)
            & (self.n_neighbours <= padding.width)
        )

    def _refuse_larger(self, padding: Padding, indices: np.ndarray) -> None:
        if not self.fits(padding)[indices].all():
            need = tuple(self._need(indices, atoms=1, pairs=1, neighbours=1))
            raise ValueError(f"padding {tuple(padding)} is too small for (atoms, pairs, neighbours) {need}")

    def size_classes(self, count: int) -> tuple[np.ndarray, list[Padding]]:
        """Split the data set by number of pairs into at most ``count`` classes of equal share.

        Returns:
            [m] class of every configuration, and the padding of each class.
        """
        classes = size_classes(self.n_pairs, count)
        members = [np.flatnonzero(classes == k) for k in range(classes.max(initial=-1) + 1)]
        paddings = [self._need(m, atoms=2, pairs=8, neighbours=1) for m in members]
        return classes, paddings

    def take(
        self, indices, *, size: int | None = None, padding: Padding | None = None, dtype=np.float32
    ) -> GraphBatch:
        """The configurations at ``indices`` as a batch of NumPy arrays.

        ``size`` > len(indices) appends empty configurations; ``padding`` trims the slots (it must
        hold them all).
        """
        indices = np.asarray(indices, int)
        padding = padding or self.padding
        self._refuse_larger(padding, indices)
        n, t, width = padding.atoms, padding.pairs, padding.width
        b = size or len(indices)
        if len(indices) > b:
            raise ValueError(f"{len(indices)} configurations do not fit a batch of {b}")

        def pick(array, shape, empty):
            shape = (b, *shape, *array.shape[1 + len(shape) :])
            out = np.full(shape, empty, array.dtype)
            overlap = tuple(slice(min(pair)) for pair in zip(shape[1:], array.shape[1:], strict=True))
            out[(slice(len(indices)), *overlap)] = array[(indices, *overlap)]
            return out

        species = pick(self.species, (n,), -1).reshape(-1)
        return GraphBatch(
            positions=pick(self.positions, (n,), 0).reshape(-1, 3).astype(dtype),
            species=species,
            atom_mask=species >= 0,
            atom_configuration=np.repeat(np.arange(b, dtype=np.int32), n),
            n_atoms=np.concatenate([self.n_atoms[indices], np.zeros(b - len(indices), np.int32)]),
            charges=pick(self.charges, (2,), 0).astype(dtype),
            pair_first=pick(self.first, (t,), -1),
            pair_second=pick(self.second, (t,), -1),
            slot_of_first=pick(self.slot_of_first, (t,), 0),
            slot_of_second=pick(self.slot_of_second, (t,), 0),
            sender=pick(self.sender, (n, width), -1),
            back=pick(self.back, (n, width), 0),
            pair=pick(self.pair, (n, width), 0),
            energy=np.concatenate([self.energy[indices], np.zeros(b - len(indices))]).astype(dtype),
            forces=pick(self.forces, (n,), 0).reshape(-1, 3).astype(dtype),
            has_label=np.concatenate([self.has_label[indices], np.zeros(b - len(indices), bool)]),
        )
