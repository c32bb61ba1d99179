"""The reaction coordinate: lengths of the bonds that break, less lengths of those that form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Coordinate"]


@dataclass(frozen=True, eq=False)
class Coordinate:
    """q = Σ d(broken) − Σ d(formed), in Å: low at the reactants, high at the products.

    Attributes:
        broken, formed: [m, 2] atom indices, i < j.
    """

    broken: np.ndarray
    formed: np.ndarray

    @property
    def pairs(self) -> np.ndarray:
        """[m, 2] all pairs, broken first."""
        return np.concatenate([self.broken, self.formed])

    @property
    def signs(self) -> np.ndarray:
        """[m] +1 where the pair breaks, -1 where it forms."""
        return np.repeat([1.0, -1.0], [len(self.broken), len(self.formed)])

    def value(self, positions: np.ndarray) -> float:
        """q in Å of positions [n, 3]."""
        i, j = self.pairs.T
        return float(self.signs @ np.linalg.norm(positions[i] - positions[j], axis=1))

    def gradient(self, positions: np.ndarray) -> np.ndarray:
        """dq/dx [n, 3]."""
        i, j = self.pairs.T
        apart = positions[i] - positions[j]
        along = self.signs[:, None] * apart / np.linalg.norm(apart, axis=1)[:, None]
        out = np.zeros_like(positions)
        np.add.at(out, i, along)
        np.add.at(out, j, -along)
        return out

    def slope(self, positions: np.ndarray, forces: np.ndarray) -> float:
        """dE/dq in eV/Å, where a bias on q alone holds the molecule: its gradient is parallel to dq/dx."""
        gradient = self.gradient(positions)
        return float(-np.sum(forces * gradient) / np.sum(gradient**2))
