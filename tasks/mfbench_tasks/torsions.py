"""Rotatable bonds and rigid moves: other conformers of a fragment without calculation."""

from __future__ import annotations

import networkx as nx
import numpy as np
from scipy.spatial.transform import Rotation

__all__ = ["Moves", "find_moves", "random_move"]


class Moves:
    """What can move in a fragment.

    Attributes:
        torsions: (axis atom, axis atom, atoms that turn) of each rotatable bond.
        molecules: atom indices of each molecule.
    """

    def __init__(self, torsions: list[tuple[int, int, np.ndarray]], molecules: list[np.ndarray]):
        self.torsions = torsions
        self.molecules = molecules


def find_moves(atomic_numbers: np.ndarray, bonds: np.ndarray) -> Moves:
    """Rotatable bonds (acyclic, not at a terminal atom, not an amide's C-N) and molecules.

    Args:
        atomic_numbers: [n].
        bonds: [n_bonds, 2].
    """
    graph = nx.Graph()
    graph.add_nodes_from(range(len(atomic_numbers)))
    graph.add_edges_from(map(tuple, bonds.tolist()))
    torsions = []
    for i, j in sorted(tuple(sorted(edge)) for edge in nx.bridges(graph)):
        if graph.degree[i] < 2 or graph.degree[j] < 2 or _conjugated(graph, atomic_numbers, i, j):
            continue
        rest = graph.copy()
        rest.remove_edge(i, j)
        side_i, side_j = (sorted(nx.node_connected_component(rest, end)) for end in (i, j))
        # The smaller side turns; the axis atoms themselves do not move.
        turning = side_j if len(side_j) <= len(side_i) else side_i
        torsions.append((i, j, np.array(turning)))
    molecules = [np.array(sorted(part)) for part in nx.connected_components(graph)]
    return Moves(torsions, sorted(molecules, key=lambda part: part[0]))


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


def _conjugated(graph: nx.Graph, numbers: np.ndarray, i: int, j: int) -> bool:
    """An sp2 carbon bonded to an sp2 nitrogen: an amide or a guanidine, which do not turn."""

    def carbon(k: int) -> bool:
        return numbers[k] == 6 and graph.degree[k] == 3

    def nitrogen(k: int) -> bool:
        return numbers[k] == 7 and graph.degree[k] == 3

    return (carbon(i) and nitrogen(j)) or (carbon(j) and nitrogen(i))
