"""Bonds by type: the two elements, and how many bonds each of the two atoms has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.elements import symbol
from mfbench.data.molecular_graph import bonds

__all__ = ["BondType", "bond_name", "bond_type_counts", "bond_types"]

BondType = tuple[tuple[int, int], tuple[int, int]]
"""(atomic number, number of its bonds) of either end, the smaller first: an ester's two C-O bonds differ, a
ketone's C=O is ((6, 3), (8, 1)), and no bond order needs to be assigned."""


def bond_types(configuration: Configuration) -> Mapping[BondType, int]:
    """How many bonds of each type a configuration has, from distances (``molecular_graph.bonds``)."""
    numbers = np.ascontiguousarray(configuration.atomic_numbers, np.int32)
    pairs = bonds(numbers, np.asarray(configuration.positions, float))
    return _counted(numbers.tobytes(), np.ascontiguousarray(pairs, np.int32).tobytes())


def bond_name(kind: BondType) -> str:
    """In words, e.g. ``C3-O1``: a carbon atom with three bonds and an oxygen atom with one."""
    return "-".join(f"{symbol(number)}{bonds}" for number, bonds in kind)


def bond_type_counts(*groups: Sequence[Configuration]) -> list[np.ndarray]:
    """Per group [n, m]: bonds of the m types that occur in any of the groups."""
    found = [[bond_types(c) for c in group] for group in groups]
    columns = {kind: i for i, kind in enumerate(sorted({k for f in found for c in f for k in c}))}
    out = []
    for group in found:
        table = np.zeros((len(group), len(columns)))
        for row, counts in zip(table, group, strict=True):
            row[[columns[kind] for kind in counts]] = list(counts.values())
        out.append(table)
    return out


@lru_cache(maxsize=4096)
def _counted(numbers: bytes, pairs: bytes) -> Counter[BondType]:
    """Cached, because all configurations of a fragment have the same atoms and bonds."""
    atoms = np.frombuffer(numbers, np.int32).tolist()
    bonded = np.frombuffer(pairs, np.int32).reshape(-1, 2)
    ends = list(zip(atoms, np.bincount(bonded.ravel(), minlength=len(atoms)).tolist(), strict=True))
    found: Counter[BondType] = Counter()
    for i, j in bonded.tolist():
        low, high = sorted((ends[i], ends[j]))
        found[low, high] += 1
    return found
