"""The neighbours of every atom in slots, from a list of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

__all__ = ["NeighbourSlots"]


@dataclass(frozen=True, eq=False)
class NeighbourSlots:
    """Of one molecule with n atoms, T pairs and at most ``width`` neighbours of an atom.

    Attributes:
        sender: [n, width] the neighbours; -1 in empty slots.
        back: [n, width] which slot of that neighbour holds the same pair.
        pair: [n, width] which pair it is.
        slot_of_first, slot_of_second: [T] the slot of each pair at its first and at its second atom.
    """

    sender: np.ndarray
    back: np.ndarray
    pair: np.ndarray
    slot_of_first: np.ndarray
    slot_of_second: np.ndarray

    @property
    def width(self) -> int:
        """Neighbours of the atom that has most."""
        return self.sender.shape[1]

    @classmethod
    def of(cls, atoms: int, first: np.ndarray, second: np.ndarray) -> Self:
        """Neighbours in the order of the pairs ``first``, ``second`` [T]."""
        receiver, sender = np.concatenate([first, second]), np.concatenate([second, first])
        pair = np.tile(np.arange(len(first)), 2)
        order = np.argsort(receiver, kind="stable")
        slot = np.empty(len(receiver), int)
        slot[order] = np.arange(len(receiver)) - np.searchsorted(receiver[order], receiver[order])
        at_first, at_second = np.split(slot, 2)
        shape = (atoms, int(slot.max(initial=-1)) + 1)
        tables = np.full(shape, -1), np.zeros(shape, int), np.zeros(shape, int)
        values = sender, np.concatenate([at_second, at_first]), pair
        for table, value in zip(tables, values, strict=True):
            table[receiver, slot] = value
        return cls(*tables, at_first, at_second)
