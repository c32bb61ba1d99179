"""What a report shows, as arrays and words; nothing here knows about HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mfbench.own.learning_curve import LearningCurve
from mfbench.own.preflight import Finding

__all__ = ["Parity", "ReportContent", "Tried", "WorstConfiguration"]


@dataclass(frozen=True, eq=False)
class Parity:
    """Labels and predictions of configurations that the model had not seen (cross-validation).

    Attributes:
        energies: [n] labels, eV.
        predicted_energies: [n] eV.
        energy_half_widths: [n] eV, of the calibrated intervals.
        forces: [m] components of labels, eV/Å.
        predicted_forces: [m] eV/Å.
        force_half_widths: [m] eV/Å.
    """

    energies: np.ndarray
    predicted_energies: np.ndarray
    energy_half_widths: np.ndarray
    forces: np.ndarray
    predicted_forces: np.ndarray
    force_half_widths: np.ndarray


@dataclass(frozen=True)
class Tried:
    """One start and recipe that cross-validation looked at.

    Attributes:
        start, recipe: names.
        energy_rmse: kcal/mol, energies less their mean error per molecule.
        force_rmse: kcal/mol/Å.
        seconds: wall time of its cross-validation.
        chosen: whether the model was made with it.
    """

    start: str
    recipe: str
    energy_rmse: float
    force_rmse: float
    seconds: float
    chosen: bool = False


@dataclass(frozen=True, eq=False)
class WorstConfiguration:
    """A configuration with a large error, to be looked at.

    Attributes:
        name: its number in the file.
        numbers: [n] atomic numbers.
        positions: [n, 3], Å.
        bonds: [b, 2] indices.
        atom_errors: [n] force error of each atom, kcal/mol/Å.
        energy_error: kcal/mol.
    """

    name: str
    numbers: np.ndarray
    positions: np.ndarray
    bonds: np.ndarray
    atom_errors: np.ndarray
    energy_error: float


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Everything that the report of one adaptation shows.

    Attributes:
        title: of the page: the file's name.
        verdict: one or two sentences: how good it is, and whether to use it.
        facts: name → value, for the line under the verdict.
        parity: of cross-validation.
        curves: method → learning curve of forces in kcal/mol/Å.
        tried: what cross-validation looked at.
        findings: of the preflight.
        coverage: promised share → measured share, for energies and for forces.
        worst: configurations with the largest force errors.
        advice: what to do next, a sentence each.
    """

    title: str
    verdict: str
    facts: Mapping[str, str]
    parity: Parity
    curves: Mapping[str, LearningCurve]
    tried: Sequence[Tried]
    findings: Sequence[Finding]
    coverage: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    worst: Sequence[WorstConfiguration] = ()
    advice: Sequence[str] = ()
