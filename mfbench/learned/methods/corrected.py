"""An adapted model as a predictor: baseline + network + closed-form correction from the support."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.learned.methods.around import Around
from mfbench.protocol.energy_baseline import EnergyBaseline, correction_operator
from mfbench.protocol.method import MethodContext, Predictor, Usage, silent_predict

if TYPE_CHECKING:  # safetensors, which the core does without
    from mfbench.learned.architectures.registry import Config
    from mfbench.learned.engine import Engine, Params

__all__ = ["CorrectedPredictor", "Modelled", "Network", "corrected"]

Modelled = tuple[np.ndarray, list[np.ndarray]]
"""Interaction energies [n] in eV and forces (n arrays [atoms, 3]) in eV/Å."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network with its weights, as a function of configurations.

    Attributes:
        engine: of a backend.
        params, config: weights and architecture.
        head: [F] weights of a linear head on the features, which adds to the network; or None.
    """

    engine: Engine
    params: Params
    config: Config
    head: np.ndarray | None = None

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Weights by name in NumPy."""
        return self.engine.numpy(self.params)

    def __call__(self, configurations: Sequence[Configuration]) -> Modelled:
        """Interaction energies and forces."""
        return self.engine.predict(self.params, self.config, configurations, self.head)


@dataclass(eq=False)
class CorrectedPredictor:
    """Baseline + model + closed-form correction.

    Attributes:
        model: configurations → interaction energies and forces of the adapted model.
        baseline: shared energy baseline.
        support: the labelled support set that the correction is solved on.
        usage: what the adaptation cost.
        scale: of the correction's prior.
    """

    model: Callable[[Sequence[Configuration]], Modelled]
    baseline: EnergyBaseline
    support: Sequence[Configuration]
    usage: Usage
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Solve nothing yet, but find what the model leaves on the support: [K] eV."""
        labels = np.array([c.energy for c in self.support])
        modelled, _ = self.model(self.support)
        self.residuals = labels - self.baseline.energies(self.support) - modelled

    @property
    def params(self) -> dict[str, np.ndarray] | None:
        """Weights of the adapted model by name, as far as it shows them."""
        return self.model.weights if isinstance(self.model, Network) else None

    def operator(self, configurations: Sequence[Configuration]) -> np.ndarray:
        """[n, K]: times the residuals it gives the correction, eV."""
        prior = self.baseline.prior
        return correction_operator(self.support, configurations, scale=self.scale, prior=prior)

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Total energies (eV) and forces (eV/Å)."""
        energies, forces = self.model(configurations)
        correction = self.operator(configurations) @ self.residuals
        total = self.baseline.energies(configurations) + energies + correction
        return [Prediction(float(e), f) for e, f in zip(total, forces, strict=True)]


def corrected(
    predictor: Predictor, support: Sequence[Configuration], context: MethodContext
) -> CorrectedPredictor:
    """Total energies from a model of what is left: baseline + model + correction from the support.

    Every reference method ends with this, so who leaves it out is beaten by offsets, not by physics.

    Args:
        predictor: adapted; its energies are what labels are beyond ``context.baseline.energies(support)``
            (an atomisation-like energy, eV), its forces are whole (eV/Å).
        support: the K labelled configurations that it was adapted to; with K = 0 nothing is corrected.
        context: of the method; says the baseline.

    Returns:
        A predictor of total energies, with the ``usage`` that ``predictor`` says.
    """

    def model(configurations: Sequence[Configuration]) -> Modelled:
        found = silent_predict(predictor)(configurations)
        return np.array([float(p.energy) for p in found]), [np.asarray(p.forces) for p in found]

    usage = getattr(predictor, "usage", None) or Usage()
    return _CorrectedAround(model, context.baseline, support, usage, inner=predictor)


@dataclass(eq=False)
class _CorrectedAround(Around, CorrectedPredictor):
    """Around somebody else's predictor: what it states of its uncertainty stays."""

    inner: Predictor = field(kw_only=True)

    def _added(
        self, found: Sequence[Prediction], configurations: Sequence[Configuration]
    ) -> list[Prediction]:
        added = self.baseline.energies(configurations) + self.operator(configurations) @ self.residuals
        return [
            Prediction(
                float(p.energy) + float(a),
                np.asarray(p.forces),
                getattr(p, "energy_std", None),
                getattr(p, "forces_std", None),
            )
            for p, a in zip(found, added, strict=True)
        ]
