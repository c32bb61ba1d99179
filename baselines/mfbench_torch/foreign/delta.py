"""Delta learning: the foreign model stays as it is, and a small network learns what it leaves over.

The network is this project's MACE with random weights and silent readouts, so that without a label, and
before the first step, nothing is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.methods.corrected import CorrectedPredictor, Modelled
from mfbench.learned.methods.fine_tuned import FineTuned
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.protocol.protocol import Budget
from mfbench_torch.engine import TorchEngine
from mfbench_torch.foreign.tuned import ForeignMethod

__all__ = ["DeltaMethod"]


@dataclass(eq=False)
class DeltaMethod:
    """A frozen model and a network beside it.

    Attributes:
        frozen: the model without any tuning.
        engine: of the network.
        config: its architecture.
        settings: how it is trained.
    """

    frozen: ForeignMethod
    engine: TorchEngine
    config: Config
    settings: AdaptSettings
    name: str = field(init=False)
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """The card that the run folder keeps."""
        self.name = self.frozen.name
        weights = sum(value.numel() for value in self._start(0).params.values())
        strategy = {"strategy": "delta", "moving": weights}
        self.card = self.frozen.card | {"strategy": strategy, "adaptation": vars(self.settings)}

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """The network is trained on labels less what the model says; see ``FineTuned``."""
        plain = self.frozen.adapt(support, budget=Budget(steps=0), seed=seed)
        zero, model = plain.baseline, plain.model
        energies, forces = model(support)
        energies = energies + zero.energies(support)
        left = [
            c.with_label(c.label[0] - float(e), c.label[1] - f)
            for c, e, f in zip(support, energies, forces, strict=True)
        ]
        nothing = EnergyBaseline({}, prior=zero.prior)
        learner = FineTuned(self.engine, self.name, self._start(seed), nothing, self.settings)
        added = learner.adapt(left, budget=budget, seed=seed)

        def together(configurations: Sequence[Configuration]) -> Modelled:
            return _sum(model(configurations), added.model(configurations))

        return CorrectedPredictor(together, zero, support, added.usage)

    def _start(self, seed: int) -> Checkpoint:
        params = self.engine.init(self.config, seed)
        # Not the layer before the last: with both at zero neither would ever get a gradient.
        last = {k for k in params if k.startswith("readouts") and "linear_1" not in k}
        silent = {k: 0.0 * v if k in last else v for k, v in params.items()}
        return Checkpoint(self.config, silent, {k: v * 0.0 + 1.0 for k, v in silent.items()}, {})


def _sum(first: Modelled, second: Modelled) -> Modelled:
    forces = [f + g for f, g in zip(first[1], second[1], strict=True)]
    return np.asarray(first[0] + second[0]), forces
