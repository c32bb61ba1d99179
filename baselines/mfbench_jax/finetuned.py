"""A learned initialisation, adapted to a support set by gradient steps and the closed-form correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import jax

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.methods.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Budget, Usage
from mfbench_jax.checkpoint import Checkpoint
from mfbench_jax.compiled import compile_seconds
from mfbench_jax.data import Dataset, slots
from mfbench_jax.fit import fitted
from mfbench_jax.models.graphs import Padding
from mfbench_jax.predictor import CorrectedPredictor

__all__ = ["FineTuned"]


@dataclass(eq=False)
class FineTuned:
    """A learned initialisation, adapted by gradient steps and the closed-form correction.

    Attributes:
        name: of the method.
        checkpoint: where it starts.
        baseline: shared energy baseline.
        settings: how it adapts; None: no gradient step (``offset``).
        floor: least padding, so that all episodes share one compiled program.
    """

    name: str
    checkpoint: Checkpoint
    baseline: EnergyBaseline
    settings: AdaptSettings | None
    floor: Padding | None = None
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        settings = asdict(self.settings) if self.settings else None
        training = {k: v for k, v in self.checkpoint.card.items() if k != "phases"}
        self.card = {"method": self.name, "adaptation": settings, "training": training}

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """At most ``budget.steps`` gradient steps of at most ``budget.batch`` configurations."""
        params, config, gradients = self.checkpoint.params, self.checkpoint.config, 0
        compiling = compile_seconds()
        if support and self.settings and budget.steps:
            padding = slots(support, config, self.floor)
            dataset = Dataset(support, config, self.baseline, corrected=True, padding=padding)
            params, gradients = fitted(self.checkpoint, dataset, self.settings, budget, seed)
            params = jax.block_until_ready(params)
        predictor = CorrectedPredictor(params, config, self.baseline, support, Usage(gradients), self.floor)
        predictor.usage = Usage(gradients, compile_seconds() - compiling)
        return predictor
