"""A foreign model as a method: as it is, or fine-tuned on the support by one of the strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.methods.corrected import CorrectedPredictor
from mfbench.learned.methods.fit import Steps, fit_support
from mfbench.protocol.method import Usage
from mfbench.protocol.protocol import Budget
from mfbench_torch.adaptation import descend_on, start
from mfbench_torch.data import Batch, Dataset
from mfbench_torch.device import device
from mfbench_torch.foreign.model import (
    ForeignModel,
    ForeignNetwork,
    Remembered,
    check_supported,
    graph_config,
)
from mfbench_torch.foreign.replay import Mixed, half_of
from mfbench_torch.foreign.strategies import Moving
from mfbench_torch.foreign.zero import Zero
from mfbench_torch.meta.objective import LossWeights, batch_loss

__all__ = ["ForeignMethod"]

Params = dict[str, torch.Tensor]


@dataclass(eq=False)
class ForeignMethod:
    """A model of a family, adapted to the support.

    Attributes:
        name: of the method.
        model: of a family.
        zero: its energy zero on the split.
        settings: how it is fine-tuned; None: not at all.
        moving: what is trained.
        others: what is replayed; empty: nothing.
        strategy: name of the strategy, and its options, for the card.
    """

    name: str
    model: ForeignModel
    zero: Zero
    settings: AdaptSettings | None = None
    moving: Moving | None = None
    others: Sequence[Configuration] = ()
    strategy: dict[str, Any] = field(default_factory=lambda: {"strategy": "none"})
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        self.card = {
            "method": self.name,
            "public_model": self.model.card.to_dict(),
            "zero": self.zero.record,
            "strategy": self.strategy | ({"moving": self.moving.count()} if self.moving else {}),
            "adaptation": asdict(self.settings) if self.settings else None,
        }

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """At most ``budget.steps`` gradient steps of at most ``budget.batch`` configurations.

        Raises:
            PredictionError: the support holds something that the model was not made for.
        """
        check_supported(self.model.card, support)
        if not (support and self.settings and self.moving and budget.steps):
            return CorrectedPredictor(self._untouched, self.zero.baseline, support, Usage(0))
        weights, gradients = self._tuned(self.settings, self.moving, support, budget, seed)
        network = ForeignNetwork(self.model, weights)
        return CorrectedPredictor(network, self.zero.baseline, support, Usage(gradients))

    @cached_property
    def _untouched(self) -> Remembered:
        """The model as it came."""
        return Remembered(ForeignNetwork(self.model, dict(self.model.module.named_parameters())))

    def _tuned(
        self,
        settings: AdaptSettings,
        moving: Moving,
        support: Sequence[Configuration],
        budget: Budget,
        seed: int,
    ) -> tuple[Params, int]:
        data = Mixed(self._dataset(support, corrected=True))
        if self.others:
            size = half_of(min(settings.batch or budget.batch, budget.batch))
            settings = replace(settings, batch=size)
            other = self._dataset(self.others, corrected=False)
            data = Mixed.of(data.own, other, min(budget.steps, settings.max_steps), size, seed)
        kind = LossWeights(settings.energy_weight, settings.force_weight, settings.loss)

        def model(theta: Params, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
            return self.model.energy_forces(moving.assembled(theta), batch, True)

        def loss(theta: Params, parts: tuple[Batch, ...]) -> torch.Tensor:
            return torch.stack([batch_loss(theta, model, *part, kind) for part in parts]).sum()

        def descend(state: Any, steps: Steps) -> Any:
            rows = data.rows(steps.rows, steps.first)
            theta, progress = state
            sizes: dict[str, Any] = {"sizes": steps.sizes, "keeps": steps.keeps}
            return descend_on(loss, theta, progress, ones, data, rows, settings, **sizes)

        def averaged(state: Any) -> Params:
            theta, progress = state
            return theta | progress.average if settings.average else theta

        def judged(state: Any, indices: np.ndarray) -> float:
            theta, chunks = averaged(state), np.split(indices, range(16, len(indices), 16))
            return sum(len(c) * float(loss(theta, data.batch(c)).detach()) for c in chunks) / len(indices)

        theta = moving.start(seed)
        ones = {name: torch.ones_like(value) for name, value in theta.items()}
        begin = theta, start(theta, settings)
        state, gradients = fit_support(begin, len(data.own), settings, budget, seed, descend, judged)
        return moving.assembled(averaged(state)), gradients * (2 if self.others else 1)

    def _dataset(self, configurations: Sequence[Configuration], *, corrected: bool) -> Dataset:
        config: Any = graph_config(self.model)
        dtype = next(self.model.module.parameters()).dtype
        where: dict[str, Any] = {"dtype": dtype, "place": device()}
        return Dataset(configurations, config, self.zero.baseline, corrected=corrected, **where)
