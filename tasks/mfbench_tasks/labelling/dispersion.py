"""The dispersion of ωB97X-D (Chai and Head-Gordon 2008), written out with its gradient."""

from __future__ import annotations

import numpy as np

__all__ = ["DISPERSION_ELEMENTS", "dispersion"]

_STEEPNESS, _POWER = 6.0, 12
"""f(R) = 1 / (1 + 6 (R / R_vdw)^-12), no global scale: Chai and Head-Gordon, PCCP 2008, 10, 6615."""

# Grimme, J. Comput. Chem. 2006, 27, 1787, table 1: C6 (J nm⁶ mol⁻¹) and van der Waals radius (Å).
_TABLE = {
    1: (0.14, 1.001), 2: (0.08, 1.012), 3: (1.61, 0.825), 4: (1.61, 1.408), 5: (3.13, 1.485),
    6: (1.75, 1.452), 7: (1.23, 1.397), 8: (0.70, 1.342), 9: (0.75, 1.287), 10: (0.63, 1.243),
    11: (5.71, 1.144), 12: (5.71, 1.364), 13: (10.79, 1.639), 14: (9.23, 1.716), 15: (7.84, 1.705),
    16: (5.57, 1.683), 17: (5.07, 1.639), 18: (4.61, 1.595), 19: (10.80, 1.485), 20: (10.80, 1.474),
    **dict.fromkeys(range(21, 31), (10.80, 1.562)),
    31: (16.99, 1.650), 32: (17.10, 1.727), 33: (16.37, 1.760), 34: (12.64, 1.771), 35: (12.47, 1.749),
    36: (12.01, 1.727),
}  # fmt: skip
DISPERSION_ELEMENTS = frozenset(_TABLE)
_JOULE_NM6_TO_EV_ANGSTROM6 = 1e6 / 96485.33212
"""J nm⁶ mol⁻¹ → eV Å⁶: 10⁶ Å⁶ in nm⁶, Faraday's constant in J mol⁻¹ per eV."""


def dispersion(atomic_numbers: np.ndarray, positions: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy (eV) and forces [n, 3] (eV/Å) of positions [n, 3] (Å).

    E = -Σ_{i<j} √(C6_i C6_j) R⁻⁶ / (1 + 6 (R / (r_i + r_j))⁻¹²)

    Raises:
        KeyError: an element outside ``DISPERSION_ELEMENTS``.
    """
    c6, radius = np.array([_TABLE[int(z)] for z in atomic_numbers]).reshape(-1, 2).T
    i, j = np.triu_indices(len(c6), k=1)
    apart = positions[i] - positions[j]
    r = np.linalg.norm(apart, axis=1)
    c = np.sqrt(c6[i] * c6[j]) * _JOULE_NM6_TO_EV_ANGSTROM6
    steep = _STEEPNESS * (r / (radius[i] + radius[j])) ** -_POWER
    pair = -c * r**-6 / (1.0 + steep)
    # d ln|E| / dr = -6/r + 12/r · steep/(1 + steep)
    slope = pair * (-6.0 + _POWER * steep / (1.0 + steep)) / r
    pull = -(slope / r)[:, None] * apart
    forces = np.zeros((len(c6), 3))
    np.add.at(forces, i, pull)
    np.add.at(forces, j, -pull)
    return float(pair.sum()), forces
