"""A learned initialisation, adapted to a support set by gradient steps and the closed-form correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.composed import composed
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.engine import Engine
from mfbench.learned.methods.corrected import CorrectedPredictor, Network
from mfbench.learned.methods.fit import best_start, fitted
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Usage
from mfbench.protocol.protocol import Budget

__all__ = ["FineTuned"]


@dataclass(eq=False)
class FineTuned:
    """A learned initialisation, adapted by gradient steps and the closed-form correction.

    Attributes:
        engine: of a backend.
        name: of the method.
        checkpoint: where it starts.
        baseline: shared energy baseline.
        settings: how it adapts; None: no gradient step (``offset``).
    """

    engine: Engine
    name: str
    checkpoint: Checkpoint
    baseline: EnergyBaseline
    settings: AdaptSettings | None
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        settings = asdict(self.settings) if self.settings else None
        training = {k: v for k, v in self.checkpoint.card.items() if k != "phases"}
        phases = self.checkpoint.phases_in_brief
        self.card = {"method": self.name, "adaptation": settings, "training": training, "phases": phases}

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """At most ``budget.steps`` gradient steps of at most ``budget.batch`` configurations."""
        engine, config, settings = self.engine, self.checkpoint.config, self.settings
        start, compiling, gradients = self.checkpoint, engine.compile_seconds(), 0
        if support and start.each:
            dataset = engine.dataset(support, config, self.baseline)
            start = best_start(engine, start, dataset, settings or AdaptSettings())
        params = engine.arrays(start.params)
        if support and settings and budget.steps:
            dataset = engine.dataset(support, config, self.baseline)
            params, gradients = fitted(engine, start, dataset, settings, budget, seed)
        network = Network(engine, composed(params), config)
        predictor = CorrectedPredictor(network, self.baseline, support, Usage(gradients))
        predictor.usage = Usage(gradients, engine.compile_seconds() - compiling)
        return predictor
