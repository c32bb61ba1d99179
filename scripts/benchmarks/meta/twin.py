"""The same outer gradients in JAX, compiled; import only after memory was measured in forked processes."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np

from benchmarks.meta.episode import RATE, Episode
from mfbench_jax.data import Dataset
from mfbench_jax.meta.inner import InnerProblem
from mfbench_jax.meta.objective import LossWeights, batch_loss
from mfbench_jax.meta.outer import fomaml_gradient, maml_gradient, reptile_gradient
from mfbench_jax.models.architecture import energy_forces

OUTER = {"maml": maml_gradient, "fomaml": fomaml_gradient, "reptile": reptile_gradient}


class Twin:
    """One program per method and number of inner steps."""

    def __init__(self, episode: Episode) -> None:
        make = partial(Dataset, config=episode.config, baseline=episode.baseline, corrected=False)
        k = episode.k
        self.support = make(episode.task.support[:k])
        self.query = make(episode.task.query[:k]).batch(np.arange(k), k)
        self.params = episode.weights
        self.ones = {name: np.ones_like(v) for name, v in self.params.items()}
        model = lambda params, batch: energy_forces(params, episode.config, batch)  # noqa: E731
        self.loss = lambda params, batch: batch_loss(params, model, *batch, LossWeights())
        self.gradient = jax.grad(self.loss)

    def compiled(self, method: str, n: int):
        """The program, and its arguments."""
        k = len(self.support)
        batches = self.support.batches(np.tile(np.arange(k), (n, 1)), k)

        def run(params, batches, query, precondition):
            problem = InnerProblem(self.gradient, self.loss, batches, query, RATE, precondition)
            return OUTER[method](params, problem)[1]

        arguments = (self.params, batches, self.query, self.ones)
        return jax.jit(run).lower(*arguments).compile(), arguments

    def one_gradient(self):
        """The program of one loss gradient, and its arguments."""
        arguments = (self.params, self.query)
        return jax.jit(self.gradient).lower(*arguments).compile(), arguments

    def flat(self, gradient) -> np.ndarray:
        """As our PyTorch side orders it."""
        return np.concatenate([np.asarray(gradient[name]).ravel() for name in self.params])
