"""The episode that everything is measured on, and the outer gradients of our PyTorch side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

import mfbench
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.architectures.mace_torch_state import to_mace_state
from mfbench.protocol.energy_baseline import split_baseline
from mfbench_torch.checkpoint import tensors
from mfbench_torch.data import Dataset
from mfbench_torch.device import device, on_device
from mfbench_torch.meta.inner import InnerProblem
from mfbench_torch.meta.objective import LossWeights, batch_loss
from mfbench_torch.meta.outer import fomaml_gradient, maml_gradient, reptile_gradient
from mfbench_torch.meta.steps import losses
from mfbench_torch.models.network import build, mace_inputs

RATE = 1e-3
WEIGHTS = LossWeights()
OUTER = {"maml": maml_gradient, "fomaml": fomaml_gradient, "reptile": reptile_gradient}


class Episode:
    """One family of cath-mini: K support configurations, as many queries; float32, random weights."""

    def __init__(self, channels: int, k: int) -> None:
        self.split = mfbench.load_split("cath-mini")
        self.k, self.task = k, self.split.train[0]
        elements = sorted({int(z) for t in self.split.tasks for c in t.support for z in c.atomic_numbers})
        self.config = MaceConfig(elements=tuple(elements), channels=channels)
        self.baseline = split_baseline(self.split)
        self.weights = {name: 0.3 * v for name, v in initial_weights(self.config, 0).items()}
        self.support, self.query = (self._batch(c) for c in (self.task.support, self.task.query))
        self.params = on_device(tensors(self.weights))
        self.ones = {name: torch.ones_like(v) for name, v in self.params.items()}
        self.loss, _ = losses(self.config, WEIGHTS)

    def _batch(self, configurations):
        dataset = Dataset(
            configurations[: self.k], self.config, self.baseline, corrected=False, place=device()
        )
        return dataset.batch(np.arange(self.k))

    def mace(self) -> torch.nn.Module:
        """A fresh model, because peers change the one that they are given; building it is not timed."""
        model = build(self.config, torch.float32)
        state = to_mace_state(self.weights, self.config)
        model.load_state_dict({k: torch.as_tensor(v) for k, v in state.items()}, strict=False)
        return model.to(device())

    def mace_loss(self, model, batch) -> torch.Tensor:
        """The same loss through mace's own forward pass."""

        def forward(_, graph):
            out = model(mace_inputs(graph), training=True)
            return out["interaction_energy"], out["forces"]

        return batch_loss({}, forward, *batch, WEIGHTS)


def ours(method: str) -> Callable[..., torch.Tensor]:
    """(episode, inner steps, unused model) → flat outer gradient."""

    def run(episode: Episode, n: int, model=None) -> torch.Tensor:
        batches = [episode.support] * n
        problem = InnerProblem(episode.loss, episode.loss, batches, episode.query, RATE, episode.ones)
        _, gradient = OUTER[method](episode.params, problem)
        return torch.cat([gradient[name].reshape(-1) for name in episode.params])

    return run
