"""Training from scratch on one support set: what every ratio of the benchmark divides by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import AdaptSettings, ScratchSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.training.sampling_order import adaptation_batches
from mfbench.methods.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Usage
from mfbench.protocol.protocol import Budget
from mfbench_torch.adaptation import descend, start
from mfbench_torch.checkpoint import tensors
from mfbench_torch.data import Dataset
from mfbench_torch.device import device, on_device
from mfbench_torch.meta.objective import LossWeights
from mfbench_torch.meta.steps import losses
from mfbench_torch.models.architecture import init
from mfbench_torch.predictor import CorrectedPredictor, network_predictor

__all__ = ["Scratch"]

Params = dict[str, torch.Tensor]


@dataclass(eq=False)
class Scratch:
    """Random weights for every episode; 80 % of the support trains, 20 % says when to stop.

    Attributes:
        baseline: shared energy baseline.
        config: architecture, that of the learned initialisations.
        settings: tuned on validation families.
        dtype: of all computations.
    """

    baseline: EnergyBaseline
    config: Config
    settings: ScratchSettings = field(default_factory=ScratchSettings)
    dtype: torch.dtype = torch.float32
    name: str = "scratch"

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        self.card = {"method": self.name, "adaptation": asdict(self.settings)}

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """Train until the held-back configurations stop improving; the budget does not bind it."""
        params, gradients = on_device(tensors(init(self.config, seed), self.dtype)), 0
        if len(support) >= 2:
            params, gradients = self._train(params, support, seed)
        else:
            params = _silent(params)
        scale = self.settings.prior_scale
        return network_predictor(params, self.config, self.baseline, support, Usage(gradients), scale)

    def _train(self, params: Params, support: Sequence[Configuration], seed: int) -> tuple[Params, int]:
        settings, config, scale = self.settings, self.config, self.settings.prior_scale
        where = {"dtype": self.dtype, "place": device()}
        dataset = Dataset(support, config, self.baseline, corrected=True, scale=scale, **where)
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


def _loss(params: Params, config: Config, dataset: Dataset, indices: np.ndarray) -> float:
    loss, _ = losses(config, LossWeights())
    chunks = [indices[i : i + 16] for i in range(0, len(indices), 16)]
    return sum(len(c) * float(loss(params, dataset.batch(c)).detach()) for c in chunks) / len(indices)


def _silent(params: Params) -> Params:
    """Nothing to learn from: the network says nothing, rather than noise."""
    return {k: torch.zeros_like(v) if k.startswith("readouts") else v for k, v in params.items()}
