"""A learned initialisation, adapted to a support set by gradient steps and the closed-form correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.methods.energy_baseline import EnergyBaseline
from mfbench.protocol.method import Budget, Usage
from mfbench_torch.checkpoint import Checkpoint, tensors
from mfbench_torch.data import Dataset
from mfbench_torch.device import device, on_device
from mfbench_torch.fit import fitted
from mfbench_torch.predictor import CorrectedPredictor, network_predictor

__all__ = ["FineTuned"]


@dataclass(eq=False)
class FineTuned:
    """A learned initialisation, adapted by gradient steps and the closed-form correction.

    Attributes:
        name: of the method.
        checkpoint: where it starts.
        baseline: shared energy baseline.
        settings: how it adapts; None: no gradient step (``offset``).
        dtype: of all computations.
    """

    name: str
    checkpoint: Checkpoint
    baseline: EnergyBaseline
    settings: AdaptSettings | None
    dtype: torch.dtype = torch.float32
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        settings = asdict(self.settings) if self.settings else None
        training = {k: v for k, v in self.checkpoint.card.items() if k != "phases"}
        self.card = {"method": self.name, "adaptation": settings, "training": training}

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """At most ``budget.steps`` gradient steps of at most ``budget.batch`` configurations."""
        config, gradients = self.checkpoint.config, 0
        params = on_device(tensors(self.checkpoint.params, self.dtype))
        if support and self.settings and budget.steps:
            dataset = Dataset(
                support, config, self.baseline, corrected=True, dtype=self.dtype, place=device()
            )
            precondition = on_device(tensors(self.checkpoint.precondition, self.dtype))
            begin = replace(self.checkpoint, params=params, precondition=precondition)
            params, gradients = fitted(begin, dataset, self.settings, budget, seed)
        return network_predictor(params, config, self.baseline, support, Usage(gradients))
