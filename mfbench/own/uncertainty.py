"""Error bars with a stated coverage: the spread of a committee, scaled by what cross-validation left over.

Split conformal prediction with a normalised score (Papadopoulos et al. 2002; Lei et al. 2018,
doi:10.1080/01621459.2017.1307116): on configurations that a member did not see, the score is
``|error|`` ÷ (spread + floor); the half-width of an interval is its quantile times (spread + floor).
Coverage holds for data like those of the cross-validation, never for what is unlike them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["Calibration", "calibrate", "conformal_quantile", "coverage_of"]


@dataclass(frozen=True)
class Calibration:
    """How a committee's spread becomes the half-width of an interval.

    Attributes:
        coverage: share of errors that the intervals should hold, e.g. 0.9.
        energy_floor, energy_scale: eV per atom, and factor, for energies.
        forces_floor, forces_scale: eV/Å, and factor, for force components.
        n_energies, n_forces: errors that it was fitted on.
    """

    coverage: float
    energy_floor: float
    energy_scale: float
    forces_floor: float
    forces_scale: float
    n_energies: int
    n_forces: int

    def energy_half_width(self, spread: np.ndarray, n_atoms: np.ndarray) -> np.ndarray:
        """[n] eV, from the committee's standard deviations [n] of total energies."""
        return self.energy_scale * (spread + self.energy_floor * n_atoms)

    def forces_half_width(self, spread: np.ndarray) -> np.ndarray:
        """eV/Å, of the shape of the committee's standard deviations of components."""
        return self.forces_scale * (spread + self.forces_floor)

    def to_dict(self) -> dict[str, float | int]:
        """Plain JSON values."""
        return asdict(self)


def conformal_quantile(scores: np.ndarray, coverage: float) -> float:
    """The ⌈(n + 1) coverage⌉-th smallest score; the largest where n is too small for that."""
    ordered = np.sort(np.asarray(scores, float))
    if not len(ordered):
        return float("inf")
    rank = int(np.ceil((len(ordered) + 1) * coverage))
    return float(ordered[min(rank, len(ordered)) - 1])


def calibrate(
    energy_errors: np.ndarray,
    energy_spreads: np.ndarray,
    n_atoms: np.ndarray,
    force_errors: np.ndarray,
    force_spreads: np.ndarray,
    coverage: float = 0.9,
) -> Calibration:
    """Fit floors and factors on errors of configurations that the model had not seen.

    Args:
        energy_errors, energy_spreads, n_atoms: [n] eV, eV, counts.
        force_errors, force_spreads: [m] components, eV/Å.
        coverage: between 0 and 1.
    """
    energy_floor = 0.5 * float(np.median(np.abs(energy_errors) / n_atoms))
    forces_floor = 0.5 * float(np.median(np.abs(force_errors)))
    energy_floor, forces_floor = max(energy_floor, 1e-9), max(forces_floor, 1e-9)
    energy_scores = np.abs(energy_errors) / (energy_spreads + energy_floor * n_atoms)
    force_scores = np.abs(force_errors) / (force_spreads + forces_floor)
    return Calibration(
        coverage,
        energy_floor,
        conformal_quantile(energy_scores, coverage),
        forces_floor,
        conformal_quantile(force_scores, coverage),
        len(energy_errors),
        len(force_errors),
    )


def coverage_of(errors: np.ndarray, half_widths: np.ndarray) -> float:
    """Share of errors within their intervals."""
    return float(np.mean(np.abs(errors) <= half_widths))
