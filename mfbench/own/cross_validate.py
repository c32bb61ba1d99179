"""Which start and recipe serve a file best, and how large errors are on what was not learned from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.errors import TrainingError
from mfbench.learned.engine import Engine
from mfbench.own.committee import Committee
from mfbench.own.fit import Recipe, fit_member
from mfbench.own.independent import blocks_of
from mfbench.own.starts import Start
from mfbench.own.uncertainty import Calibration, calibrate

__all__ = ["HeldOut", "calibrated", "cross_validate"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions of every configuration by members that did not see it.

    Attributes:
        start, recipe: what they were made with.
        energies: [members, n] eV.
        forces: members × n arrays [atoms, 3], eV/Å.
        energy_spreads: [n] eV, how unsure they are.
        force_spreads: n arrays [atoms, 3], eV/Å.
        seconds: wall time, without that of compiling: what another of the kind would take.
        stepping: of them, those of gradient steps; the rest does not grow with their number.
    """

    start: Start
    recipe: Recipe
    energies: np.ndarray
    forces: Sequence[Sequence[np.ndarray]]
    energy_spreads: np.ndarray
    force_spreads: Sequence[np.ndarray]
    seconds: float
    stepping: float = 0.0

    def energy_rmse(self, configurations: Sequence[Configuration]) -> float:
        """Total energies, kcal/mol."""
        return _rms(self.energy_errors(configurations)) * EV_TO_KCAL_MOL

    def within_rmse(self, configurations: Sequence[Configuration]) -> float:
        """Energies less the mean error of their molecule, kcal/mol."""
        errors = self.energy_errors(configurations)
        graphs = np.array([c.graph_id for c in configurations])
        for graph in set(graphs.tolist()):
            errors[graphs == graph] -= errors[graphs == graph].mean()
        return _rms(errors) * EV_TO_KCAL_MOL

    def force_rmse(self, configurations: Sequence[Configuration]) -> float:
        """Force components, kcal/mol/Å."""
        return _rms(np.concatenate(self.force_errors(configurations))) * EV_TO_KCAL_MOL

    def force_errors(self, configurations: Sequence[Configuration]) -> list[np.ndarray]:
        """n arrays [3 atoms]: components of the committee's mean less the labels, eV/Å."""
        return [
            (np.mean([m[i] for m in self.forces], axis=0) - np.asarray(c.forces)).ravel()
            for i, c in enumerate(configurations)
        ]

    def energy_errors(self, configurations: Sequence[Configuration]) -> np.ndarray:
        """[n] of the committee's mean, eV."""
        labels = np.array([c.energy for c in configurations], float)
        errors: np.ndarray = self.energies.mean(axis=0) - labels
        return errors

    def score(self, configurations: Sequence[Configuration]) -> float:
        """What starts and recipes are chosen by: geometric mean of force and within-molecule error."""
        return float(np.sqrt(self.force_rmse(configurations) * max(self.within_rmse(configurations), 1e-3)))


def cross_validate(
    engine: Engine,
    start: Start,
    recipe: Recipe,
    configurations: Sequence[Configuration],
    folds: Sequence[np.ndarray],
    *,
    members: int = 1,
    uncertainty: str = "committee",
    seed: int = 0,
) -> HeldOut | None:
    """Predict every fold from the others, with ``members`` seeds; None where a fit diverged."""
    began, compiled = time.monotonic(), engine.compile_seconds()
    energies = np.zeros((members, len(configurations)))
    forces: list[list[np.ndarray]] = [[np.zeros(0)] * len(configurations) for _ in range(members)]
    energy_spreads = np.zeros(len(configurations))
    force_spreads = [np.zeros(0)] * len(configurations)
    stepping = 0.0
    for fold in folds:
        learned = [c for i, c in enumerate(configurations) if i not in set(fold.tolist())]
        asked = [configurations[i] for i in fold]
        try:
            fitted = [fit_member(engine, start, recipe, learned, seed + k) for k in range(members)]
        except TrainingError:
            return None
        stepping += sum(member.stepping for member in fitted)
        committee = Committee.of(engine, fitted, learned, uncertainty)
        found = committee.predict(engine, asked)
        energies[:, fold], energy_spreads[fold] = found.energies, found.energy_spreads
        for place, i in enumerate(fold):
            force_spreads[i] = found.force_spreads[place]
            for number in range(members):
                forces[number][i] = found.forces[number][place]
    spent = time.monotonic() - began - (engine.compile_seconds() - compiled)
    return HeldOut(start, recipe, energies, forces, energy_spreads, force_spreads, spent, stepping)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def calibrated(
    held_out: HeldOut, configurations: Sequence[Configuration], rows: np.ndarray | None = None
) -> Calibration:
    """Error bars from what was held out, of all configurations or of these rows."""
    rows = np.arange(len(configurations)) if rows is None else rows
    chosen = [int(i) for i in rows]
    errors = held_out.force_errors(configurations)
    return calibrate(
        held_out.energy_errors(configurations)[rows],
        held_out.energy_spreads[rows],
        np.array([len(configurations[i]) for i in chosen]),
        np.concatenate([errors[i] for i in chosen]),
        np.concatenate([held_out.force_spreads[i].ravel() for i in chosen]),
        blocks_of([configurations[i] for i in chosen]),
    )
