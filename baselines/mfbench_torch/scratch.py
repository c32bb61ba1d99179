"""Training from scratch on one support set: what every ratio of the benchmark divides by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import torch

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import ScratchSettings
from mfbench.learned.architectures.registry import Config
from mfbench.methods.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Budget, Usage
from mfbench_torch.checkpoint import Checkpoint, tensors
from mfbench_torch.data import Dataset
from mfbench_torch.device import device, on_device
from mfbench_torch.fit import fitted
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
        settings, where = self.settings, {"dtype": self.dtype, "place": device()}
        scale = settings.prior_scale
        dataset = Dataset(support, self.config, self.baseline, corrected=True, scale=scale, **where)
        budget = Budget(settings.steps, settings.batch)
        return fitted(Checkpoint(self.config, params, {}, {}), dataset, settings.recipe, budget, seed)


def _silent(params: Params) -> Params:
    """Nothing to learn from: the network says nothing, rather than noise."""
    return {k: torch.zeros_like(v) if k.startswith("readouts") else v for k, v in params.items()}
