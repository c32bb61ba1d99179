"""Errors of one episode, per subset of its query. Pure functions on arrays; eV and Å in, kcal/mol out.

Energy errors stand in three forms, because a headline that is only an offset is no headline:

- *total*: prediction minus label;
- *within fragment*: the total error minus its mean over the query configurations of the same fragment,
  so that what is left is the shape of the surface;
- *per atom*: total error divided by the number of atoms.

*Skill* is 1 − RMSE / RMSE of the within-fragment mean, the predictor that knows every query fragment's
mean label and nothing else (for forces: zero forces). 0 is that predictor, 1 is perfect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL

__all__ = [
    "CALIBRATION", "COSTS", "DYNAMICS", "METRICS", "ConfigurationErrors", "Metric", "configuration_errors",
    "episode_metrics", "metrics_of_errors", "within_fragment",
]  # fmt: skip


@dataclass(frozen=True)
class Metric:
    """What a number is measured in, and which way is better."""

    unit: str
    higher_is_better: bool = False


METRICS: dict[str, Metric] = {
    "energy_rmse": Metric("kcal/mol"),
    "energy_mae": Metric("kcal/mol"),
    "energy_rmse_within": Metric("kcal/mol"),
    "energy_mae_within": Metric("kcal/mol"),
    "energy_rmse_per_atom": Metric("meV/atom"),
    "energy_mae_per_atom": Metric("meV/atom"),
    "force_rmse": Metric("kcal/mol/Å"),
    "force_mae": Metric("kcal/mol/Å"),
    "energy_skill": Metric("1", higher_is_better=True),
    "energy_skill_within": Metric("1", higher_is_better=True),
    "force_skill": Metric("1", higher_is_better=True),
}
"""Accuracy, per query subset."""

COSTS: dict[str, Metric] = {
    "adapt_seconds": Metric("s"),
    "predict_seconds": Metric("s"),
    "compile_seconds": Metric("s"),
    "gradient_evaluations": Metric("configurations"),
}
"""Cost of an episode. Seconds are aggregated by medians and have no interval: the first episode of a
process pays for warming up, and how long others take is no property of the families."""

DYNAMICS: dict[str, Metric] = {"stable_share": Metric("of trajectories", higher_is_better=True)}
"""What became of trajectories with the adapted model, where any were run."""

CALIBRATION: dict[str, Metric] = {
    "energy_coverage": Metric("of energies"),
    "force_coverage": Metric("of force components"),
}
"""Share of truths inside the central 90 % that a method states, where it does: best near 0.9."""


def within_fragment(values: np.ndarray, fragments: np.ndarray) -> np.ndarray:
    """[n] values minus their mean over each fragment ([n] labels of any type)."""
    _, code = np.unique(fragments, return_inverse=True)
    means = np.bincount(code, weights=values) / np.bincount(code)
    return values - means[code]


def episode_metrics(
    predicted_energies: np.ndarray,
    predicted_forces: np.ndarray,
    energies: np.ndarray,
    forces: np.ndarray,
    n_atoms: np.ndarray,
    fragments: np.ndarray,
    subsets: Mapping[str, np.ndarray],
) -> dict[str, dict[str, float]]:
    """Every metric in every subset that holds a configuration.

    Args:
        predicted_energies, energies: [n] eV.
        predicted_forces, forces: [sum(n_atoms), 3] eV/Å, configuration after configuration.
        n_atoms: [n].
        fragments: [n] fragment names.
        subsets: subset → [n] bool. A fragment is wholly in or out of a subset.

    Returns:
        subset → metric → value, in the units of ``METRICS``. A skill without a reference (all
        labels equal) is left out.
    """
    force_error = (predicted_forces - forces) * EV_TO_KCAL_MOL

    def force_of(mask: np.ndarray) -> tuple[float, float]:
        found = force_error[np.repeat(mask, n_atoms)]
        return _rms(found), _mean_abs(found)

    error = predicted_energies - energies
    return _by_subset(error, force_of, energies, forces, n_atoms, fragments, subsets)


@dataclass(frozen=True, eq=False)
class ConfigurationErrors:
    """What is left of predictions when only their errors per configuration are kept.

    Attributes:
        energy: [n] eV, predicted less label.
        force_square: [n] (eV/Å)², mean over the components of the configuration's forces.
        force_absolute: [n] eV/Å, mean absolute error over the same components.
    """

    energy: np.ndarray
    force_square: np.ndarray
    force_absolute: np.ndarray


def configuration_errors(
    predicted_energies: np.ndarray,
    predicted_forces: np.ndarray,
    energies: np.ndarray,
    forces: np.ndarray,
    n_atoms: np.ndarray,
) -> ConfigurationErrors:
    """Errors of every configuration; arguments as in ``episode_metrics``."""
    error = predicted_forces.astype(np.float64) - forces
    starts = np.concatenate([[0], np.cumsum(n_atoms)[:-1]])
    square, absolute = (
        np.add.reduceat(x.sum(axis=1), starts) / (3 * n_atoms) for x in (error**2, np.abs(error))
    )
    return ConfigurationErrors(predicted_energies - energies, square, absolute)


def metrics_of_errors(
    errors: ConfigurationErrors,
    energies: np.ndarray,
    forces: np.ndarray,
    n_atoms: np.ndarray,
    fragments: np.ndarray,
    subsets: Mapping[str, np.ndarray],
) -> dict[str, dict[str, float]]:
    """What ``episode_metrics`` gives, from errors per configuration: equal up to rounding.

    Args:
        errors: of the n configurations.
        energies, forces, n_atoms, fragments, subsets: as in ``episode_metrics``.
    """

    def force_of(mask: np.ndarray) -> tuple[float, float]:
        square = np.average(errors.force_square[mask], weights=n_atoms[mask])
        absolute = np.average(errors.force_absolute[mask], weights=n_atoms[mask])
        return float(np.sqrt(square)) * EV_TO_KCAL_MOL, float(absolute) * EV_TO_KCAL_MOL

    return _by_subset(errors.energy, force_of, energies, forces, n_atoms, fragments, subsets)


def _by_subset(
    energy_error: np.ndarray,
    force_of: Callable[[np.ndarray], tuple[float, float]],
    energies: np.ndarray,
    forces: np.ndarray,
    n_atoms: np.ndarray,
    fragments: np.ndarray,
    subsets: Mapping[str, np.ndarray],
) -> dict[str, dict[str, float]]:
    """Every metric of every subset. ``force_of``: mask → RMS and mean absolute error, kcal/mol/Å."""
    columns = {
        "total": energy_error * EV_TO_KCAL_MOL,
        "within": within_fragment(energy_error, fragments) * EV_TO_KCAL_MOL,
        "per_atom": energy_error / n_atoms * 1e3,
        "spread": within_fragment(energies, fragments) * EV_TO_KCAL_MOL,
    }
    found = {}
    for subset, mask in subsets.items():
        if not mask.any():
            continue
        energy = {name: values[mask] for name, values in columns.items()}
        force_rmse, force_mae = force_of(mask)
        values = {
            "energy_rmse": _rms(energy["total"]),
            "energy_mae": _mean_abs(energy["total"]),
            "energy_rmse_within": _rms(energy["within"]),
            "energy_mae_within": _mean_abs(energy["within"]),
            "energy_rmse_per_atom": _rms(energy["per_atom"]),
            "energy_mae_per_atom": _mean_abs(energy["per_atom"]),
            "force_rmse": force_rmse,
            "force_mae": force_mae,
        }
        spread = _rms(energy["spread"])
        scale = _rms(forces[np.repeat(mask, n_atoms)]) * EV_TO_KCAL_MOL
        if spread > 0:
            values["energy_skill"] = 1 - values["energy_rmse"] / spread
            values["energy_skill_within"] = 1 - values["energy_rmse_within"] / spread
        if scale > 0:
            values["force_skill"] = 1 - values["force_rmse"] / scale
        found[subset] = values
    return found


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _mean_abs(values: np.ndarray) -> float:
    return float(np.mean(np.abs(values)))
