"""Which start and recipe serve a file best, and how large errors are on what was not learned from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.errors import TrainingError
from mfbench.learned.engine import Engine
from mfbench.own.fit import Recipe, fit_member
from mfbench.own.starts import Start

__all__ = ["HeldOut", "cross_validate"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions of every configuration by members that did not see it.

    Attributes:
        start, recipe: what they were made with.
        energies: [members, n] eV.
        forces: members × n arrays [atoms, 3], eV/Å.
        seconds: wall time.
    """

    start: Start
    recipe: Recipe
    energies: np.ndarray
    forces: Sequence[Sequence[np.ndarray]]
    seconds: float

    def energy_rmse(self, configurations: Sequence[Configuration]) -> float:
        """Total energies, kcal/mol."""
        return _rms(self._energy_errors(configurations)) * EV_TO_KCAL_MOL

    def within_rmse(self, configurations: Sequence[Configuration]) -> float:
        """Energies less the mean error of their molecule, kcal/mol."""
        errors = self._energy_errors(configurations)
        graphs = np.array([c.graph_id for c in configurations])
        for graph in set(graphs.tolist()):
            errors[graphs == graph] -= errors[graphs == graph].mean()
        return _rms(errors) * EV_TO_KCAL_MOL

    def force_rmse(self, configurations: Sequence[Configuration]) -> float:
        """Force components, kcal/mol/Å."""
        return _rms(self.force_errors(configurations)) * EV_TO_KCAL_MOL

    def force_errors(self, configurations: Sequence[Configuration]) -> np.ndarray:
        """Components of the committee's mean less the labels, of all configurations, eV/Å."""
        return np.concatenate(
            [
                (np.mean([m[i] for m in self.forces], axis=0) - np.asarray(c.forces)).ravel()
                for i, c in enumerate(configurations)
            ]
        )

    def score(self, configurations: Sequence[Configuration]) -> float:
        """What starts and recipes are chosen by: geometric mean of force and within-molecule error."""
        return float(np.sqrt(self.force_rmse(configurations) * max(self.within_rmse(configurations), 1e-3)))

    def _energy_errors(self, configurations: Sequence[Configuration]) -> np.ndarray:
        labels = np.array([c.energy for c in configurations], float)
        errors: np.ndarray = self.energies.mean(axis=0) - labels
        return errors


def cross_validate(
    engine: Engine,
    start: Start,
    recipe: Recipe,
    configurations: Sequence[Configuration],
    folds: Sequence[np.ndarray],
    *,
    members: int = 1,
    seed: int = 0,
) -> HeldOut | None:
    """Predict every fold from the others, with ``members`` seeds; None where a fit diverged."""
    began = time.monotonic()
    energies = np.zeros((members, len(configurations)))
    forces: list[list[np.ndarray]] = [[np.zeros(0)] * len(configurations) for _ in range(members)]
    for fold in folds:
        learned = [c for i, c in enumerate(configurations) if i not in set(fold.tolist())]
        asked = [configurations[i] for i in fold]
        for number in range(members):
            try:
                member = fit_member(engine, start, recipe, learned, seed + number)
            except TrainingError:
                return None
            found, pulls = member.predict(engine, asked)
            energies[number, fold] = found
            for i, pull in zip(fold, pulls, strict=True):
                forces[number][i] = pull
    return HeldOut(start, recipe, energies, forces, time.monotonic() - began)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
