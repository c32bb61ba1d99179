"""Errors of an adapted model on some labelled configurations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.compare.record import RECORDED
from mfbench.data.configuration import Configuration
from mfbench.metrics.errors import episode_metrics
from mfbench.protocol.method import Predictor
from mfbench.protocol.run_episode import check_predictions

__all__ = ["force_errors", "mean_errors", "predicted"]


def predicted(
    predictor: Predictor, configurations: Sequence[Configuration]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Energies [n] (eV) and forces (n arrays [atoms, 3], eV/Å) of blinded configurations.

    Raises:
        PredictionError: they are not finite, or of another shape.
    """
    return check_predictions(predictor.predict([c.blind() for c in configurations]), configurations)


def mean_errors(predictor: Predictor, configurations: Sequence[Configuration]) -> dict[str, float]:
    """RMSE of energies, of energies within fragments (kcal/mol) and of forces (kcal/mol/Å)."""
    energies, forces = predicted(predictor, configurations)
    found = episode_metrics(
        energies,
        np.concatenate(forces),
        np.array([c.energy for c in configurations]),
        np.concatenate([c.forces for c in configurations]),
        np.array([len(c) for c in configurations]),
        np.array([c.fragment_id for c in configurations]),
        {"all": np.ones(len(configurations), bool)},
    )
    return {metric: found["all"][metric] for metric in RECORDED}


def force_errors(predictor: Predictor, configurations: Sequence[Configuration]) -> np.ndarray:
    """[atoms of all] mean square over components of each atom's force error, (eV/Å)²."""
    _, forces = predicted(predictor, configurations)
    labels = np.concatenate([c.forces for c in configurations])
    squares: np.ndarray = np.mean((np.concatenate(forces) - labels) ** 2, axis=1)
    return squares
