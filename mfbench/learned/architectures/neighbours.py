"""Neighbour pairs, elements as indices, and classes of like size: what every graph is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["UnknownElementError", "element_indices", "neighbour_pairs", "size_classes"]


class UnknownElementError(ValueError):
    """A configuration holds an element that the model does not know."""


def neighbour_pairs(positions: np.ndarray, r_max: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices i < j of all atoms closer than ``r_max``."""
    delta = positions[:, None] - positions[None]
    close = np.einsum("ijk,ijk->ij", delta, delta) < r_max * r_max
    first, second = np.nonzero(np.triu(close, 1))
    return first, second


def element_indices(numbers: np.ndarray, elements: Sequence[int]) -> np.ndarray:
    """[n] positions of atomic numbers within ``elements``.

    Raises:
        UnknownElementError: an atomic number is not among them.
    """
    numbers = np.asarray(numbers, int)
    lookup = np.full(max(elements) + 1, -1)
    lookup[list(elements)] = np.arange(len(elements))
    index = np.where((numbers >= 0) & (numbers < len(lookup)), lookup[numbers.clip(0, len(lookup) - 1)], -1)
    if (index < 0).any():
        missing = ", ".join(str(z) for z in sorted(set(numbers[index < 0].tolist())))
        known = ", ".join(str(z) for z in elements)
        raise UnknownElementError(f"no weights for atomic number {missing}; the model knows {known}")
    return index


def size_classes(n_pairs: np.ndarray, count: int) -> np.ndarray:
    """[m] class of every configuration: at most ``count`` of equal share, by number of pairs [m]."""
    cuts = np.unique(np.quantile(n_pairs, np.arange(1, count) / count, method="higher"))
    return np.unique(np.searchsorted(cuts, n_pairs), return_inverse=True)[1]
