"""Torsions of molecules, and how far each one is from the nearest value that a support set has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.molecular_graph import bonds

__all__ = [
    "UNSEEN", "Topology", "circular_distance", "farthest_torsion", "topology", "torsion_angles",
    "torsion_distances", "torsions_of",
]  # fmt: skip

UNSEEN = float("inf")
"""Distance where the support holds no configuration of the same molecule."""


@dataclass(frozen=True)
class Topology:
    """Elements and bonds of a fragment, atom by atom: fragments with equal ones share their torsions.

    Attributes:
        graph_id: molecular graph.
        numbers: atomic numbers.
        pairs: bonds i < j.
    """

    graph_id: str
    numbers: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]


def topology(configurations: Sequence[Configuration]) -> Topology:
    """Of one fragment: the bonds that most of its configurations have, because heat stretches some."""
    first = configurations[0]
    counts = Counter(
        (int(i), int(j)) for c in configurations for i, j in bonds(c.atomic_numbers, c.positions)
    )
    pairs = sorted(pair for pair, n in counts.items() if 2 * n > len(configurations))
    return Topology(first.graph_id, tuple(map(int, first.atomic_numbers)), tuple(pairs))


def torsions_of(of: Topology) -> np.ndarray:
    """[n, 4] all bonded i-j-k-l of heavy atoms around a bond j-k that is in no ring, j < k."""
    around: list[list[int]] = [[] for _ in of.numbers]
    for i, j in of.pairs:
        if of.numbers[i] > 1 and of.numbers[j] > 1:
            around[i].append(j)
            around[j].append(i)
    found = [
        (i, j, k, n)
        for j, k in of.pairs
        if k in around[j] and not _in_ring(around, j, k)
        for i in around[j]
        for n in around[k]
        if i != k and n != j and i != n
    ]
    return np.array(found, dtype=int).reshape(-1, 4)


def _in_ring(around: Sequence[Sequence[int]], j: int, k: int) -> bool:
    """Whether k can be reached from j without the bond between them."""
    seen, front = {j}, [n for n in around[j] if n != k]
    while front:
        atom = front.pop()
        if atom == k:
            return True
        if atom not in seen:
            seen.add(atom)
            front += around[atom]
    return False


def torsion_angles(positions: np.ndarray, torsions: np.ndarray) -> np.ndarray:
    """[n] angles in (-π, π] of torsions [n, 4] at positions [atoms, 3]: 0 is cis, π is trans."""
    a, b, c, d = (positions[torsions[:, i]] for i in range(4))
    axis = c - b
    axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    first, last = a - b, d - c
    first = first - np.sum(first * axis, axis=1, keepdims=True) * axis
    last = last - np.sum(last * axis, axis=1, keepdims=True) * axis
    angles: np.ndarray = np.arctan2(
        np.sum(np.cross(axis, first) * last, axis=1), np.sum(first * last, axis=1)
    )
    return angles


def circular_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance of two angles on the circle, in [0, π]."""
    distance: np.ndarray = np.abs((np.asarray(a) - np.asarray(b) + np.pi) % (2.0 * np.pi) - np.pi)
    return distance


def farthest_torsion(asked: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[q] the largest distance of any torsion of a configuration to that torsion's nearest known value.

    Args:
        asked: [q, n] angles of q configurations.
        known: [s, n] angles of the same torsions in the support.

    Returns:
        Radians; NaN where the molecule has no torsion, ``UNSEEN`` where s = 0.
    """
    if asked.shape[1] == 0:
        return np.full(len(asked), np.nan)
    if len(known) == 0:
        return np.full(len(asked), UNSEEN)
    farthest: np.ndarray = circular_distance(asked[:, None], known[None]).min(axis=1).max(axis=1)
    return farthest


def torsion_distances(
    everything: Sequence[Configuration], support: Sequence[Configuration], query: Sequence[Configuration]
) -> np.ndarray:
    """[q] ``farthest_torsion`` of each query configuration (radians), among support of the same molecule.

    ``everything``: configurations that tell the fragments' bonds. Fragments of one molecular graph share
    torsions where their atoms are in the same order.
    """
    members: dict[str, list[Configuration]] = {}
    for c in everything:
        members.setdefault(c.fragment_id, []).append(c)
    of = {name: topology(found) for name, found in members.items()}
    out = np.full(len(query), UNSEEN)
    for i, c in enumerate(query):
        molecule = of[c.fragment_id]
        quadruples = torsions_of(molecule)
        known = [torsion_angles(s.positions, quadruples) for s in support if of[s.fragment_id] == molecule]
        asked = torsion_angles(c.positions, quadruples)[None]
        out[i] = farthest_torsion(asked, np.array(known).reshape(len(known), len(quadruples)))[0]
    return out
