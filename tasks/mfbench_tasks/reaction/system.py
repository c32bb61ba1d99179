"""A reacting system: molecules as one SMILES whose mapped atoms take part, and what its bonds become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data import molecular_graph as graph
from mfbench_tasks.fragments.torsions import molecules
from mfbench_tasks.reaction.coordinate import Coordinate

__all__ = ["System"]

HEAVY_GAP, HYDROGEN_GAP = 1.25, 0.75
"""Å beyond a bond's length: van der Waals contact of heavy atoms, and a hydrogen bond."""


@dataclass(frozen=True, eq=False)
class System:
    """The reactants, before any calculation.

    Attributes:
        family_id, name: which reaction, and which molecules.
        smiles: atoms with map numbers take part.
        atomic_numbers: [n] int32.
        bonds: [n_bonds, 2] of the reactants, i < j; a metal has none.
        total_charge: in units of e; all electrons are paired.
        coordinate: bonds that break and form.
        inline: [m, 3] leaving atom, centre, entering atom: attack from behind.
        near: [m, 2] contacts of the start (a metal and its ligands).
        gap: Å beyond a bond's length, see ``apart``.
    """

    family_id: str
    name: str
    smiles: str
    atomic_numbers: np.ndarray
    bonds: np.ndarray
    total_charge: int
    coordinate: Coordinate
    inline: np.ndarray
    near: np.ndarray
    gap: float | None = None

    def __len__(self) -> int:
        """Number of atoms."""
        return len(self.atomic_numbers)

    @property
    def fragment_id(self) -> str:
        """``family.name``, unique in the split."""
        return f"{self.family_id}.{self.name}"

    @property
    def product_bonds(self) -> np.ndarray:
        """[n_bonds, 2] of the products, i < j."""
        after = (set(map(tuple, self.bonds.tolist())) - _set(self.coordinate.broken)) | _set(
            self.coordinate.formed
        )
        return np.array(sorted(after))

    def bond_length(self, pair: Sequence[int]) -> float:
        """Å: the sum of the covalent radii of two atoms."""
        return sum(graph.covalent_radius(self.atomic_numbers[k]) for k in pair)

    def apart(self, pair: Sequence[int]) -> float:
        """Å: the distance of two atoms that are about to bind, or have just parted."""
        light = any(self.atomic_numbers[k] == 1 for k in pair)
        return self.bond_length(pair) + (self.gap or (HYDROGEN_GAP if light else HEAVY_GAP))

    def is_reactant(self, positions: np.ndarray) -> bool:
        """Whether positions [n, 3] (Å) have exactly the reactants' bonds."""
        return self._perceived(positions) == _set(self.bonds)

    def is_product(self, positions: np.ndarray) -> bool:
        """Whether positions [n, 3] (Å) have exactly the products' bonds."""
        return self._perceived(positions) == _set(self.product_bonds)

    def unrelated_bond_changes(self, positions: np.ndarray) -> set[tuple[int, int]]:
        """Bonds lost or gained at positions [n, 3] (Å) that take no part in the reaction."""
        return (self._perceived(positions) ^ _set(self.bonds)) - _set(self.coordinate.pairs)

    def holds(self, positions: np.ndarray, apart: float) -> bool:
        """Whether positions [n, 3] (Å) are this system somewhere along its reaction: no other bond
        changed, and each molecule has an atom within ``apart`` Å of the others."""
        return not self.unrelated_bond_changes(positions) and self._together(positions, apart)

    def _together(self, positions: np.ndarray, apart: float) -> bool:
        molecule = molecules(len(self), np.array(sorted(self._perceived(positions))))
        distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
        distance[molecule[:, None] == molecule[None]] = np.inf
        nearest = [distance[molecule == m].min() for m in np.unique(molecule)]
        return len(nearest) == 1 or max(nearest) <= apart

    def _perceived(self, positions: np.ndarray) -> set[tuple[int, int]]:
        return _set(graph.bonds(self.atomic_numbers, positions))


def _set(pairs: np.ndarray) -> set[tuple[int, int]]:
    return set(map(tuple, np.asarray(pairs).reshape(-1, 2).tolist()))
