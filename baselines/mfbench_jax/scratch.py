"""Training from scratch on one support set: what every ratio of the benchmark divides by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import AdaptSettings, ScratchSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.training.sampling_order import adaptation_batches
from mfbench.methods.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Usage
from mfbench.protocol.protocol import Budget
from mfbench_jax.adaptation import batch_size, descend, start
from mfbench_jax.compiled import Compiled, compile_seconds
from mfbench_jax.data import Dataset, slots
from mfbench_jax.meta.objective import LossWeights, batch_loss
from mfbench_jax.models.architecture import energy_forces, init
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
        padding = slots(support, config, self.floor)
        scale = settings.prior_scale
        dataset = Dataset(support, config, self.baseline, corrected=True, scale=scale, padding=padding)
        order = np.random.default_rng([seed, 3]).permutation(len(support))
        held = max(len(support) // 5, 1)
        train, validation = order[held:], order[:held]
        adam = AdaptSettings("adam", settings.rate)
        schedule = train[adaptation_batches(len(train), settings.steps, settings.batch, seed)]
        state = start(params, adam)
        best, best_error, waited, gradients = params, np.inf, 0, 0
        for begin in range(0, settings.steps, settings.check):
            rows = schedule[begin : begin + settings.check]
            params, state = descend(params, state, {}, dataset, rows, config, adam)
            gradients += rows.size
            error = _loss(params, config, dataset, validation)
            waited = 0 if error < best_error else waited + 1
            if error < best_error:
                best, best_error = params, error
            if waited >= settings.patience:
                break
        return best, gradients


def _loss(params: Any, config: Config, dataset: Dataset, indices: np.ndarray) -> float:
    chunks = [indices[i : i + 16] for i in range(0, len(indices), 16)]
    run = _loss_program(config)
    losses = [len(c) * float(run(params, dataset.batch(c, batch_size(len(c))))) for c in chunks]
    return sum(losses) / len(indices)


@lru_cache(maxsize=8)
def _loss_program(config: Config) -> Compiled:
    model = partial(_energy_forces, config)
    return Compiled(lambda params, batch: batch_loss(params, model, *batch, LossWeights()))


def _energy_forces(config: Config, params: Any, batch: Any) -> tuple[jax.Array, jax.Array]:
    return energy_forces(params, config, batch)


def _silent(params: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Nothing to learn from: the network says nothing, rather than noise."""
    return {k: jnp.zeros_like(v) if k.startswith("readouts") else v for k, v in params.items()}
