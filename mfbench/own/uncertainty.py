"""Error bars with a stated coverage: how unsure a model is, scaled by what cross-validation left over.

Split conformal prediction with a normalised score (Papadopoulos et al. 2002; Lei et al. 2018,
doi:10.1080/01621459.2017.1307116): on configurations that a member did not see, the score is
``|error|`` ÷ (spread + floor); the half-width of an interval is its quantile times (spread + floor).
Values of one trajectory are alike, so the quantile is that of as many as they are worth
(``mfbench.own.independent``). Coverage holds for data like those of the cross-validation, never for what is
unlike them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np

from mfbench.own.independent import independent_count

__all__ = ["COVERAGE", "UNCERTAINTIES", "Calibration", "calibrate", "conformal_quantile", "joined"]

UNCERTAINTIES = ("committee", "laplace", "both")
COVERAGE = 0.9
"""Of the intervals, unless another is asked for."""


@dataclass(frozen=True)
class Calibration:
    """How a spread becomes the half-width of an interval.

    Attributes:
        coverage: share of errors that the intervals should hold, e.g. 0.9.
        energy_floor, energy_scale: eV per atom, and factor, for energies.
        forces_floor, forces_scale: eV/Å, and factor, for force components.
        n_energies, n_forces: errors that it was fitted on.
        independent_energies, independent_forces: how many independent ones those are worth; None in models
            from before this was looked at.
    """

    coverage: float
    energy_floor: float
    energy_scale: float
    forces_floor: float
    forces_scale: float
    n_energies: int
    n_forces: int
    independent_energies: float | None = None
    independent_forces: float | None = None

    def energy_half_width(self, spread: np.ndarray, n_atoms: np.ndarray) -> np.ndarray:
        """[n] eV, from standard deviations [n] of total energies."""
        return self.energy_scale * (spread + self.energy_floor * n_atoms)

    def forces_half_width(self, spread: np.ndarray) -> np.ndarray:
        """eV/Å, of the shape of the standard deviations of components."""
        return self.forces_scale * (spread + self.forces_floor)

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain JSON values."""
        return asdict(self)


def conformal_quantile(scores: np.ndarray, coverage: float, independent: float | None = None) -> float:
    """The score that a new one stays below with probability ``coverage``.

    Of n independent scores it is the ⌈(n + 1) coverage⌉-th smallest. Where so few cannot tell, the largest,
    which n/(n + 1) stay below, is stretched as a normal error would be.

    Args:
        scores: at least one, or the result is infinite.
        coverage: between 0 and 1.
        independent: how many independent scores these are worth; default: all.
    """
    ordered = np.sort(np.asarray(scores, float))
    if not len(ordered):
        return float("inf")
    worth = float(len(ordered)) if independent is None else independent
    share = coverage * (worth + 1) / worth
    if share <= 1:
        return float(ordered[int(np.ceil(round(share * len(ordered), 9))) - 1])
    return float(ordered[-1]) * _deviations(coverage) / _deviations(worth / (worth + 1))


def _deviations(share: float) -> float:
    """Standard deviations that a normal error stays within with this probability."""
    return NormalDist().inv_cdf((1 + share) / 2)


def calibrate(
    energy_errors: np.ndarray,
    energy_spreads: np.ndarray,
    n_atoms: np.ndarray,
    force_errors: np.ndarray,
    force_spreads: np.ndarray,
    blocks: np.ndarray,
    coverage: float = COVERAGE,
) -> Calibration:
    """Fit floors and factors on errors of configurations that the model had not seen.

    Args:
        energy_errors, energy_spreads, n_atoms: [n] eV, eV, counts.
        force_errors, force_spreads: [Σ 3 atoms] components, eV/Å, configuration by configuration.
        blocks: [n] which configurations are alike, from ``mfbench.own.independent.blocks_of``.
        coverage: between 0 and 1.
    """
    energy_floor = 0.5 * float(np.median(np.abs(energy_errors) / n_atoms))
    forces_floor = 0.5 * float(np.median(np.abs(force_errors)))
    energy_floor, forces_floor = max(energy_floor, 1e-9), max(forces_floor, 1e-9)
    energy_scores = np.abs(energy_errors) / (energy_spreads + energy_floor * n_atoms)
    force_scores = np.abs(force_errors) / (force_spreads + forces_floor)
    energies_worth = independent_count(energy_scores, blocks)
    forces_worth = independent_count(force_scores, np.repeat(blocks, 3 * n_atoms))
    return Calibration(
        coverage,
        energy_floor,
        conformal_quantile(energy_scores, coverage, energies_worth),
        forces_floor,
        conformal_quantile(force_scores, coverage, forces_worth),
        len(energy_errors),
        len(force_errors),
        energies_worth,
        forces_worth,
    )


def joined(kind: str, committee: np.ndarray, laplace: np.ndarray | None) -> np.ndarray:
    """The spread that is calibrated: of the committee, of its first member's last layer, or of both."""
    if kind == "committee":
        return committee
    assert laplace is not None  # whoever asks for it has fitted it
    return laplace if kind == "laplace" else np.hypot(committee, laplace)
