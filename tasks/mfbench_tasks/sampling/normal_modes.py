"""Normal modes of a fragment, and thermal displacements along them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase.data import atomic_masses

__all__ = ["Modes", "hessian", "normal_modes"]

_BOLTZMANN = 8.617333262e-5  # eV/K
_WAVENUMBER = 521.470898  # cm⁻¹ of sqrt(eV / (Å² amu))
_STEP = 0.02  # Å


def hessian(forces: Callable[[np.ndarray], np.ndarray], positions: np.ndarray) -> np.ndarray:
    """Second derivatives [3n, 3n] in eV/Å², from forward differences of forces.

    One-sided: it only shapes random displacements, and central differences would cost twice. Vibrations
    come out within a few per cent; a rotation, which should be free, may reach some 300 cm⁻¹.

    Args:
        forces: positions [n, 3] in Å → forces [n, 3] in eV/Å.
        positions: [n, 3] Å.
    """
    reference = forces(positions).ravel()
    rows = np.empty((positions.size, positions.size))
    for k in range(positions.size):
        moved = positions.copy()
        moved.flat[k] += _STEP
        rows[k] = (reference - forces(moved).ravel()) / _STEP
    return 0.5 * (rows + rows.T)


class Modes:
    """Vibrations of a fragment: wavenumbers [3n] in cm⁻¹ and mass-weighted modes [3n, 3n] (columns)."""

    def __init__(self, wavenumbers: np.ndarray, vectors: np.ndarray, masses: np.ndarray):
        self.wavenumbers, self.vectors, self.masses = wavenumbers, vectors, masses

    def displacement(self, rng: np.random.Generator, temperature_K: float) -> np.ndarray:
        """A random classical displacement [n, 3] in Å at a temperature."""
        frequency = self.wavenumbers / _WAVENUMBER
        amplitude = np.sqrt(_BOLTZMANN * temperature_K) / frequency
        weighted = self.vectors @ (amplitude * rng.normal(size=len(frequency)))
        moved: np.ndarray = weighted / np.sqrt(np.repeat(self.masses, 3))
        return moved.reshape(-1, 3)


def normal_modes(matrix: np.ndarray, atomic_numbers: np.ndarray, floor: float) -> Modes:
    """Modes of a Hessian [3n, 3n] (eV/Å²), stiffened to ``floor`` cm⁻¹ where they are softer.

    An imaginary wavenumber counts by its size. Translations and rotations are among the modes; at the
    floor's amplitude they hardly strain the molecule. Without a floor the soft torsions, which are
    straight lines in Cartesians, would stretch bonds by several eV; torsions get their own displacements
    (``torsions.random_move``).
    """
    masses = atomic_masses[np.asarray(atomic_numbers)]
    weights = np.sqrt(np.repeat(masses, 3))
    values, vectors = np.linalg.eigh(matrix / np.outer(weights, weights))
    wavenumbers = np.sqrt(np.abs(values)) * _WAVENUMBER
    return Modes(np.maximum(wavenumbers, floor), vectors, masses)
