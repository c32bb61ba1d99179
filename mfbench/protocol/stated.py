"""Uncertainties that a method states: checked like predictions, and held against the true errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.errors import PredictionError

__all__ = ["COVERAGE", "Z", "check_deviations", "coverage"]

COVERAGE = 0.9
"""Share of errors that the stated intervals are to hold."""
Z = 1.6448536269514722
"""Standard deviations from the middle of a Gaussian to the end of its central 90 %."""


def check_deviations(
    predictions: Sequence[Prediction], configurations: Sequence[Configuration]
) -> tuple[np.ndarray | None, list[np.ndarray] | None]:
    """Stated standard deviations of energies [n] in eV and of forces (one [n_atoms, 3] each) in eV/Å.

    Each is None where no prediction states it.

    Raises:
        PredictionError: some state it and some do not, a wrong shape, or a value that is not finite and
            positive.
    """
    energies = _stated(predictions, "energy_std", [() for _ in configurations], "one number")
    forces = _stated(
        predictions, "forces_std", [(len(c), 3) for c in configurations], "those of the forces"
    )
    return None if energies is None else np.array([float(e) for e in energies]), forces


def coverage(errors: np.ndarray, deviations: np.ndarray) -> float:
    """Share of errors within the central 90 % of Gaussians with these standard deviations."""
    return float(np.mean(np.abs(errors) <= Z * deviations))


def _stated(
    predictions: Sequence[Prediction], name: str, shapes: Sequence[tuple[int, ...]], wanted: str
) -> list[np.ndarray] | None:
    given = [getattr(prediction, name, None) for prediction in predictions]
    silent = [i for i, value in enumerate(given) if value is None]
    if len(silent) == len(given):
        return None
    if silent:
        raise PredictionError(
            f"prediction {silent[0]} states no {name}, others do: state it for all, or none"
        )
    found = []
    for i, (value, shape) in enumerate(zip(given, shapes, strict=True)):
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise PredictionError(f"prediction {i}: {name} is not numeric") from None
        array = array.reshape(()) if shape == () and array.size == 1 else array
        if array.shape != shape:
            raise PredictionError(f"prediction {i}: {name} has shape {array.shape}, expected {wanted}")
        if not (np.isfinite(array).all() and (array > 0).all()):
            raise PredictionError(f"prediction {i}: {name} is not finite and positive: state None")
        found.append(array)
    return found
