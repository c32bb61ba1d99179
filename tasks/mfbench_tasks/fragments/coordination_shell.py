"""First coordination shells: which atoms hold a metal, in a structure and in a fragment."""

from __future__ import annotations

import biotite.structure as struc
import numpy as np
from ase.data import atomic_numbers as _number_of
from scipy.spatial import cKDTree

from mfbench.data.molecular_graph import METALS, covalent_radius

__all__ = ["DONORS", "first_shell", "is_metal", "numbers_of", "reach"]

DONORS = (7, 8, 16)
_NATIVE = {12: 2.6, 20: 2.8, 25: 2.75, 48: 2.9}
"""Å between a metal and a donor of its first shell in a crystal; else ``_USUAL``."""
_USUAL = 2.75
_REACH = 1.5
_LOOSE = {(29, 16): 4.2}
"""Å: the axial thioether of Cu(I) is hardly bound, and wanders beyond the usual reach."""


def numbers_of(atoms: struc.AtomArray) -> np.ndarray:
    """Atomic numbers, [n] int32; 0 for what is no element."""
    symbols, inverse = np.unique(atoms.element, return_inverse=True)
    table = np.array([_number_of.get(str(s).capitalize(), 0) for s in symbols], dtype=np.int32)
    return table[inverse]


def is_metal(numbers: np.ndarray) -> np.ndarray:
    """Mask of metals, [n]."""
    return np.isin(numbers, list(METALS))


def first_shell(coord: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Pairs (metal, donor) within the distances of crystal structures: [m, 2], ordered.

    Args:
        coord: [n, 3] Å.
        numbers: [n].
    """
    metals, donors = np.flatnonzero(is_metal(numbers)), np.flatnonzero(np.isin(numbers, DONORS))
    if not len(metals) or not len(donors):
        return np.zeros((0, 2), dtype=int)
    tree = cKDTree(coord[donors])
    pairs = [
        (int(m), int(donors[k]))
        for m in metals
        for k in sorted(tree.query_ball_point(coord[m], _NATIVE.get(int(numbers[m]), _USUAL)))
    ]
    return np.array(pairs, dtype=int).reshape(-1, 2)


def reach(metal: int, donor: int) -> float:
    """Å: within this distance a sampled donor still belongs to its metal."""
    usual = _REACH * (covalent_radius(metal) + covalent_radius(donor))
    return _LOOSE.get((int(metal), int(donor)), usual)
