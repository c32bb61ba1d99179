"""Training from scratch on one support set: what every ratio of the benchmark divides by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import ScratchSettings
from mfbench.learned.architectures.registry import Config
from mfbench.methods.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Budget, Usage
from mfbench_jax.checkpoint import Checkpoint
from mfbench_jax.compiled import compile_seconds
from mfbench_jax.data import Dataset, slots
from mfbench_jax.fit import fitted
from mfbench_jax.models.architecture import init
from mfbench_jax.models.graphs import Padding
from mfbench_jax.predictor import CorrectedPredictor

__all__ = ["Scratch"]


@dataclass(eq=False)
class Scratch:
    """Random weights for every episode; 80 % of the support trains, 20 % says when to stop.

    Attributes:
        baseline: shared energy baseline.
        config: architecture, that of the learned initialisations.
        settings: tuned on validation families.
        floor: least padding, so that all episodes share one compiled program.
    """

    baseline: EnergyBaseline
    config: Config
    settings: ScratchSettings = field(default_factory=ScratchSettings)
    floor: Padding | None = None
    name: str = "scratch"

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        self.card = {"method": self.name, "adaptation": asdict(self.settings)}

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """Train until the held-back configurations stop improving; the budget does not bind it."""
        compiling = compile_seconds()
        config = self.config
        params, gradients = init(config, seed), 0
        if len(support) >= 2:
            params, gradients = self._train(params, config, support, seed)
        else:
            params = _silent(params)
        usage = Usage(gradients, compile_seconds() - compiling)
        scale = self.settings.prior_scale
        return CorrectedPredictor(params, config, self.baseline, support, usage, self.floor, scale)

    def _train(
        self, params: Any, config: Config, support: Sequence[Configuration], seed: int
    ) -> tuple[Any, int]:
        settings = self.settings
        padding, scale = slots(support, config, self.floor), settings.prior_scale
        dataset = Dataset(support, config, self.baseline, corrected=True, scale=scale, padding=padding)
        budget = Budget(settings.steps, settings.batch)
        return fitted(Checkpoint(config, params, {}, {}), dataset, settings.recipe, budget, seed)


def _silent(params: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Nothing to learn from: the network says nothing, rather than noise."""
    return {k: jnp.zeros_like(v) if k.startswith("readouts") else v for k, v in params.items()}
