"""Reference lines without a model: ``constant`` predicts offsets and zero forces, ``random`` adds noise.

Neither is ranked. A method that is not better than ``constant`` has learned offsets only, and its
numbers are flagged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.errors import DataError
from mfbench.metrics.errors import within_fragment
from mfbench.protocol.energy_baseline import EnergyBaseline, correction_operator, split_baseline
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget

__all__ = ["constant", "random"]


def constant(context: MethodContext) -> ConstantMethod:
    """Energy baseline of meta-train, corrected in closed form from the support; forces are zero."""
    labelled = context.split.train_configurations
    baseline = split_baseline(context.split)
    if not labelled:
        return ConstantMethod(baseline)  # no train families: isolated atoms, and the usual prior
    residuals = np.array([c.energy for c in labelled]) - baseline.energies(labelled)
    noise = within_fragment(residuals, np.array([c.fragment_id for c in labelled]))
    # Without a model the noise is the whole within-fragment spread. What fragments differ by, in units of
    # it, is measured on meta-train: a prior as wide as a trained model's would make few labels harmful.
    offsets = np.var(residuals) - np.var(noise)
    spread = float(np.sqrt(offsets / max(np.var(noise), 1e-12)))
    return ConstantMethod(baseline, spread / baseline.prior.graph)


def random(context: MethodContext) -> RandomMethod:
    """``constant`` plus Gaussian noise as wide as meta-train's labels: what guessing scores.

    Raises:
        DataError: there is no meta-train.
    """
    labelled = context.split.train_configurations
    if not labelled:
        raise DataError(
            f"{context.split.name} has no train families: 'random' guesses as widely as their labels spread"
        )
    energies = np.array([c.energy for c in labelled])
    fragments = np.array([c.fragment_id for c in labelled])
    forces = np.concatenate([c.forces for c in labelled])
    return RandomMethod(
        constant(context),
        energy_spread=float(np.std(within_fragment(energies, fragments))),
        force_spread=float(np.sqrt(np.mean(forces**2))),
    )


@dataclass(frozen=True)
class ConstantMethod:
    """Attributes: baseline: linear energies fitted on meta-train; scale: of the correction's prior."""

    baseline: EnergyBaseline
    scale: float = 1.0
    name: str = "constant"

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> ConstantPredictor:
        """Residuals of the support beyond the baseline."""
        labels = np.array([c.energy for c in support], dtype=float)
        residuals = labels - self.baseline.energies(support)
        return ConstantPredictor(self.baseline, self.scale, tuple(support), residuals)


@dataclass(frozen=True, eq=False)
class ConstantPredictor:
    """Baseline plus closed-form correction.

    Attributes:
        baseline: linear energies.
        scale: of the correction's prior.
        support: the K configurations.
        residuals: [K] eV.
    """

    baseline: EnergyBaseline
    scale: float
    support: tuple[Configuration, ...]
    residuals: np.ndarray

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies in eV, zero forces."""
        operator = correction_operator(
            self.support, configurations, scale=self.scale, prior=self.baseline.prior
        )
        energies = self.baseline.energies(configurations) + operator @ self.residuals
        return [
            Prediction(float(energy), np.zeros((len(c), 3)))
            for energy, c in zip(energies, configurations, strict=True)
        ]


@dataclass(frozen=True)
class RandomMethod:
    """Attributes: constant: what the noise is added to; energy_spread (eV), force_spread (eV/Å)."""

    constant: ConstantMethod
    energy_spread: float
    force_spread: float
    name: str = "random"

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> RandomPredictor:
        """The seed decides the noise."""
        return RandomPredictor(self, self.constant.adapt(support, budget=budget, seed=seed), seed)


@dataclass(frozen=True, eq=False)
class RandomPredictor:
    """Attributes: method, constant: what it is made from; seed: of the noise."""

    method: RandomMethod
    constant: ConstantPredictor
    seed: int

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """The noise is a function of seed and geometry, so a batch's order and size do not matter."""
        return [
            self._noisy(c, p)
            for c, p in zip(configurations, self.constant.predict(configurations), strict=True)
        ]

    def _noisy(self, configuration: Configuration, prediction: Prediction) -> Prediction:
        digest = hashlib.blake2b(configuration.positions.tobytes(), digest_size=8).digest()
        rng = np.random.default_rng([self.seed, int.from_bytes(digest, "little")])
        return Prediction(
            prediction.energy + self.method.energy_spread * rng.normal(),
            self.method.force_spread * rng.normal(size=(len(configuration), 3)),
        )
