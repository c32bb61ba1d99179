"""The molecular graph of a configuration: bonds from distances, and a name that two equal graphs share."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

__all__ = ["METALS", "bonds", "covalent_radius", "graph_id", "graph_name"]

# Cordero et al., Dalton Trans. 2008, 2832, table 2 (Å); low-spin values for Mn and Fe.
_RADII = {
    1: 0.31, 5: 0.84, 6: 0.76, 7: 0.71, 8: 0.66, 9: 0.57, 11: 1.66, 12: 1.41, 14: 1.11, 15: 1.07,
    16: 1.05, 17: 1.02, 19: 2.03, 20: 1.76, 25: 1.39, 26: 1.32, 27: 1.26, 28: 1.24, 29: 1.32,
    30: 1.22, 34: 1.20, 35: 1.20, 48: 1.44, 53: 1.39,
}  # fmt: skip
METALS = frozenset((3, 11, 12, 19, 20, *range(21, 31), 42, 44, 48, 74, 80))
"""Elements whose contacts are not bonds of the graph: a distance cannot tell a first shell from a
second one, and it would change along a trajectory. A metal stands for itself beside its ligands."""

_STRETCH = 1.25
"""Two atoms are bonded below this multiple of the sum of their covalent radii: wide enough for a
C-H stretch at 600 K (1.34 Å), narrow enough for a short hydrogen bond (O...H 1.21 Å)."""


def covalent_radius(atomic_number: int) -> float:
    """Covalent radius in Å (1.5 where the table has none)."""
    return _RADII.get(int(atomic_number), 1.5)


_RADIUS = np.array([covalent_radius(z) for z in range(128)])
_IS_METAL = np.array([z in METALS for z in range(128)])


def bonds(atomic_numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Bonded pairs i < j, [n_bonds, 2], from positions [n, 3] in Å; none has a metal."""
    pairs, reach = _bondable(np.ascontiguousarray(atomic_numbers, np.int32).tobytes())
    apart = positions.take(pairs[:, 0], axis=0) - positions.take(pairs[:, 1], axis=0)
    found: np.ndarray = pairs[np.linalg.norm(apart, axis=-1) < reach]
    return found


@lru_cache(maxsize=256)
def _bondable(numbers: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Pairs i < j without a metal [m, 2], and the distances (Å) below which they are bonded [m]. Cached:
    every configuration of a fragment asks, once before each label."""
    atoms = np.frombuffer(numbers, np.int32)
    metal, radii = _IS_METAL.take(atoms, mode="clip"), _RADIUS.take(atoms, mode="clip")
    i, j = np.triu_indices(len(atoms), k=1)
    bondable = ~(metal[i] | metal[j])
    i, j = i[bondable], j[bondable]
    return np.stack([i, j], axis=1), _STRETCH * (radii[i] + radii[j])


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def graph_id(
    atomic_numbers: np.ndarray, positions: np.ndarray, total_charge: int = 0, n_unpaired: int = 0
) -> str:
    """Name of the molecular graph: 16 hexadecimal digits, invariant under the order of atoms.

    Weisfeiler-Leman refinement of the elements over the perceived bonds, with charge and spin.
    """
    numbers = np.ascontiguousarray(atomic_numbers, np.int32)
    x = np.ascontiguousarray(positions, np.float64)
    return _perceived(numbers.tobytes(), x.tobytes(), int(total_charge), int(n_unpaired))


@lru_cache(maxsize=8192)
def _perceived(numbers: bytes, positions: bytes, total_charge: int, n_unpaired: int) -> str:
    """Cached, because every draw and every K asks for the same configurations again."""
    atoms = np.frombuffer(numbers, np.int32)
    x = np.frombuffer(positions, np.float64).reshape(-1, 3)
    return graph_name(atoms, bonds(atoms, x), total_charge, n_unpaired)


def graph_name(
    atomic_numbers: np.ndarray, pairs: np.ndarray, total_charge: int = 0, n_unpaired: int = 0
) -> str:
    """As ``graph_id``, from known bonds [n_bonds, 2]."""
    numbers = np.ascontiguousarray(atomic_numbers, np.int32)
    pairs = np.ascontiguousarray(pairs, np.int32)
    return _name(numbers.tobytes(), pairs.tobytes(), int(total_charge), int(n_unpaired))


@lru_cache(maxsize=4096)
def _name(numbers: bytes, pairs: bytes, total_charge: int, n_unpaired: int) -> str:
    """Cached, because all configurations of a fragment have the same atoms and bonds."""
    labels = [str(z) for z in np.frombuffer(numbers, np.int32)]
    neighbours: list[list[int]] = [[] for _ in labels]
    for i, j in np.frombuffer(pairs, np.int32).reshape(-1, 2):
        neighbours[i].append(j)
        neighbours[j].append(i)
    for _ in range(8):
        labels = [
            _digest(labels[i] + "|" + ",".join(sorted(labels[j] for j in around)))
            for i, around in enumerate(neighbours)
        ]
    return _digest(f"{total_charge};{n_unpaired};" + ",".join(sorted(labels)))
