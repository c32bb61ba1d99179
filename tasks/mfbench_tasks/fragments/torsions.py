"""Rotatable bonds and rigid moves: other conformers of a fragment without calculation."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation

__all__ = ["Moves", "find_moves", "molecules", "random_move"]


class Moves:
    """What can move in a fragment.

    Attributes:
        torsions: (axis atom, axis atom, atoms that turn) of each rotatable bond.
        molecules: atom indices of each molecule.
    """

    def __init__(self, torsions: list[tuple[int, int, np.ndarray]], molecules: list[np.ndarray]):
        self.torsions = torsions
        self.molecules = molecules


def find_moves(
    atomic_numbers: np.ndarray, bonds: np.ndarray, coordination: np.ndarray | None = None
) -> Moves:
    """Rotatable bonds (acyclic, not at a terminal atom, not conjugated) and molecules.

    Args:
        atomic_numbers: [n].
        bonds: [n_bonds, 2].
        coordination: [m, 2] metal and donor. A site is one molecule, whose donors never move: only
            groups that hold neither a metal nor a donor turn, about bonds of their ligand.
    """
    count = len(atomic_numbers)
    pairs = np.asarray(bonds).reshape(-1, 2)
    degree = np.bincount(pairs.ravel(), minlength=count)
    site = np.zeros((0, 2), dtype=int) if coordination is None else np.asarray(coordination).reshape(-1, 2)
    molecule = molecules(count, np.concatenate([pairs, site]))
    torsions = []
    for row in np.lexsort((pairs[:, 1], pairs[:, 0])):
        i, j = (int(atom) for atom in pairs[row])
        if degree[i] < 2 or degree[j] < 2 or _conjugated(atomic_numbers, degree, i, j):
            continue
        part = molecules(count, np.concatenate([np.delete(pairs, row, axis=0), site]))
        if part[i] == part[j]:  # in a ring
            continue
        side_i, side_j = np.flatnonzero(part == part[i]), np.flatnonzero(part == part[j])
        # The smaller side turns; the axis atoms themselves do not move.
        turning = side_j if len(side_j) <= len(side_i) else side_i
        for side, other in ((side_i, side_j), (side_j, side_i)):
            if np.isin(side, site).any():
                turning = other
        if not np.isin(turning, site).any():
            torsions.append((i, j, turning))
    parts = [np.flatnonzero(molecule == label) for label in range(molecule.max() + 1)]
    # The first molecule stays: let it be the site.
    return Moves(torsions, sorted(parts, key=lambda part: (not np.isin(part, site).any(), part[0])))


def random_move(
    positions: np.ndarray,
    moves: Moves,
    rng: np.random.Generator,
    *,
    torsion_deg: float,
    shift: float,
    turn_deg: float,
) -> np.ndarray:
    """Positions [n, 3] with every rotatable bond turned and every further molecule moved, at random.

    Args:
        torsion_deg: standard deviation of torsion rotations, degrees.
        shift: standard deviation of each component of a molecule's translation, Å.
        turn_deg: standard deviation of a molecule's rotation about its centre, degrees.
    """
    x = np.array(positions, dtype=float)
    for i, j, turning in moves.torsions:
        axis = (x[j] - x[i]) / np.linalg.norm(x[j] - x[i])
        angle = np.radians(rng.normal(0.0, torsion_deg))
        x[turning] = Rotation.from_rotvec(angle * axis).apply(x[turning] - x[i]) + x[i]
    for molecule in moves.molecules[1:]:
        centre = x[molecule].mean(axis=0)
        rotation = Rotation.from_rotvec(np.radians(rng.normal(0.0, turn_deg, 3)) / np.sqrt(3.0))
        x[molecule] = rotation.apply(x[molecule] - centre) + centre + rng.normal(0.0, shift, 3)
    return x


def molecules(count: int, pairs: np.ndarray) -> np.ndarray:
    """Label of the connected component of each atom, [count]."""
    matrix = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    labels: np.ndarray = connected_components(matrix, directed=False)[1]
    return labels


def _conjugated(numbers: np.ndarray, degree: np.ndarray, i: int, j: int) -> bool:
    """An sp2 carbon bonded to an sp2 nitrogen or carbon: amides, guanidines and polyenes do not turn."""
    return {(int(numbers[k]), int(degree[k])) for k in (i, j)} in ({(6, 3), (7, 3)}, {(6, 3)})
