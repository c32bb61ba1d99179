"""Training from scratch on one support set: what every ratio of the benchmark divides by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import ScratchSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.engine import Engine, Params
from mfbench.learned.methods.corrected import CorrectedPredictor, Network
from mfbench.learned.methods.fit import fitted
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Usage
from mfbench.protocol.protocol import Budget

__all__ = ["Scratch"]


@dataclass(eq=False)
class Scratch:
    """Random weights for every episode; 80 % of the support trains, 20 % says when to stop.

    Attributes:
        engine: of a backend.
        baseline: shared energy baseline.
        config: architecture, that of the learned initialisations.
        settings: tuned on validation families.
    """

    engine: Engine
    baseline: EnergyBaseline
    config: Config
    settings: ScratchSettings = field(default_factory=ScratchSettings)
    name: str = "scratch"
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        self.card = {"method": self.name, "adaptation": asdict(self.settings)}

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """Train until the held-back configurations stop improving; the budget does not bind it."""
        engine, config = self.engine, self.config
        compiling = engine.compile_seconds()
        params, gradients = engine.init(config, seed), 0
        if len(support) >= 2:
            params, gradients = self._train(engine.arrays(params), support, seed)
        else:
            params = _silent(engine.arrays(params))
        network = Network(engine, params, config)
        scale = self.settings.prior_scale
        predictor = CorrectedPredictor(network, self.baseline, support, Usage(gradients), scale)
        predictor.usage = Usage(gradients, engine.compile_seconds() - compiling)
        return predictor

    def _train(self, params: Params, support: Sequence[Configuration], seed: int) -> tuple[Params, int]:
        settings = self.settings
        dataset = self.engine.dataset(support, self.config, self.baseline, scale=settings.prior_scale)
        budget = Budget(settings.steps, settings.batch)
        start = Checkpoint(self.config, params, {}, {})
        return fitted(self.engine, start, dataset, settings.recipe, budget, seed)


def _silent(params: Params) -> Params:
    """Nothing to learn from: the network says nothing, rather than noise."""
    return {k: 0.0 * v if k.startswith("readouts") else v for k, v in params.items()}
