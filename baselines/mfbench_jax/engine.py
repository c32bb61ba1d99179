"""JAX as an engine of the shared methods and of training (``mfbench.learned.engine``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.split import Task
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.training.phases import Phase, PhaseResult
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench_jax import adaptation, training
from mfbench_jax.compiled import Compiled, compile_seconds
from mfbench_jax.data import Dataset, slots
from mfbench_jax.design import design_arrays
from mfbench_jax.meta.objective import Labels, LossWeights, batch_loss
from mfbench_jax.meta.steps import Step, joint_gradient, meta_gradient
from mfbench_jax.models.architecture import energy_forces, init
from mfbench_jax.models.graphs import Padding
from mfbench_jax.predictor import model_predictions

__all__ = ["ENGINE", "JaxEngine"]

Params = dict[str, jax.Array]


@dataclass(frozen=True)
class JaxEngine:
    """Programs of JAX.

    Attributes:
        floor: least padding, so that all episodes share one compiled program; None: each its own.
    """

    floor: Padding | None = None

    @property
    def backend(self) -> str:
        """Its name."""
        return "jax"

    def with_options(self, options: Mapping[str, Any]) -> tuple[JaxEngine, dict[str, Any]]:
        """This engine, and all options: JAX has none of its own."""
        return self, dict(options)

    def sized_for(self, configurations: Sequence[Configuration], config: Config) -> JaxEngine:
        """With padding that holds such configurations."""
        return replace(self, floor=slots(configurations, config))

    def compile_seconds(self) -> float:
        """Seconds that this process has spent compiling."""
        return compile_seconds()

    def init(self, config: Config, seed: int) -> Params:
        """Random weights."""
        return init(config, seed)

    def arrays(self, arrays: Mapping[str, Any]) -> Params:
        """Arrays by name as JAX arrays."""
        return {name: jnp.asarray(value) for name, value in arrays.items()}

    def numpy(self, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Arrays by name in NumPy."""
        return {name: np.asarray(value) for name, value in params.items()}

    def dataset(
        self,
        support: Sequence[Configuration],
        config: Config,
        baseline: EnergyBaseline,
        *,
        scale: float = 1.0,
    ) -> Dataset:
        """A support set, padded to at least the floor."""
        padding = slots(support, config, self.floor)
        return Dataset(support, config, baseline, corrected=True, scale=scale, padding=padding)

    def start(self, params: Params, settings: AdaptSettings) -> Any:
        """The optimiser's state before the first step."""
        return adaptation.start(params, settings)

    def descend(
        self,
        params: Params,
        state: Any,
        precondition: Params,
        dataset: Dataset,
        indices: np.ndarray,
        config: Config,
        settings: AdaptSettings,
        rates: Mapping[str, np.ndarray],
        sizes: np.ndarray | None = None,
        keeps: np.ndarray | None = None,
    ) -> tuple[Params, Any]:
        """One gradient step per row of ``indices`` [steps, batch]."""
        data = dataset, indices, config, settings, rates, sizes, keeps
        found = adaptation.descend(params, state, precondition, *data)
        return jax.block_until_ready(found)

    def loss(
        self,
        params: Params,
        config: Config,
        dataset: Dataset,
        indices: np.ndarray,
        settings: AdaptSettings,
    ) -> float:
        """Mean loss of the configurations at ``indices``, as ``settings`` weigh it."""
        weights = np.float32(settings.energy_weight), np.float32(settings.force_weight)
        chunks = [indices[i : i + 16] for i in range(0, len(indices), 16)]
        run = _loss_program(config, settings.loss)
        batches = [dataset.batch(c, adaptation.batch_size(len(c))) for c in chunks]
        losses = [float(run(params, weights, batch)) for batch in batches]
        return sum(len(c) * loss for c, loss in zip(chunks, losses, strict=True)) / len(indices)

    def predict(
        self,
        params: Params,
        config: Config,
        configurations: Sequence[Configuration],
        head: np.ndarray | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Interaction energies [n] in eV and forces (n arrays [atoms, 3]) in eV/Å."""
        return model_predictions(params, config, configurations, self.floor, head)

    def design(
        self, params: Params, config: Config, configurations: Sequence[Configuration], count: int
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Features summed over atoms [n, p], and −∂/∂x of the first ``count``, each [3 atoms, p]."""
        return design_arrays(params, config, configurations, count, self.floor)

    def joint_gradient(
        self, tasks: Sequence[Task], config: Config, baseline: EnergyBaseline, settings: TrainSettings
    ) -> Step:
        """Loss and gradient of a batch drawn over all configurations of ``tasks``."""
        return joint_gradient(tasks, config, baseline, settings)

    def meta_gradient(
        self,
        tasks: Sequence[Task],
        config: Config,
        baseline: EnergyBaseline,
        settings: TrainSettings,
        precondition: Params,
        steps: int,
    ) -> Step:
        """Mean query loss and outer gradient over the step's tasks."""
        return meta_gradient(tasks, config, baseline, settings, precondition, steps)

    def run_phase(
        self,
        phase: Phase,
        params: Params,
        folder: Path,
        *,
        stop_after: int | None,
        tick: Callable[[int, float], None],
    ) -> PhaseResult:
        """Optimise; go on from ``folder`` where it holds a state of this phase."""
        return training.run_phase(phase, params, folder, stop_after=stop_after, tick=tick)

    def own_folder(self, folder: Path) -> tuple[Path, bool]:
        """``folder``: one process trains."""
        return folder, True


@lru_cache(maxsize=8)
def _loss_program(config: Config, kind: str) -> Compiled:
    model = partial(_energy_forces, config)

    def loss(params: Any, weights: Any, batch: tuple[Any, Labels]) -> jax.Array:
        return batch_loss(params, model, *batch, LossWeights(weights[0], weights[1], kind))

    return Compiled(loss)


def _energy_forces(config: Config, params: Any, batch: Any) -> tuple[jax.Array, jax.Array]:
    return energy_forces(params, config, batch)


ENGINE = JaxEngine()
