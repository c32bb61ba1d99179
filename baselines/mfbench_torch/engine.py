"""PyTorch as an engine of the shared methods and of training (``mfbench.learned.engine``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.data.split import Task
from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.training.phases import Phase, PhaseResult
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench_torch import adaptation, training
from mfbench_torch.checkpoint import tensors
from mfbench_torch.data import Dataset
from mfbench_torch.design import design_arrays
from mfbench_torch.device import device, on_device
from mfbench_torch.meta.objective import LossWeights
from mfbench_torch.meta.steps import Step, joint_gradient, losses, meta_gradient
from mfbench_torch.models.architecture import init
from mfbench_torch.predictor import model_predictions
from mfbench_torch.processes import folder_of_process, join, rank

__all__ = ["DTYPES", "ENGINE", "TorchEngine", "precision"]

Params = dict[str, torch.Tensor]
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def precision(options: Mapping[str, Any]) -> tuple[torch.dtype, dict[str, Any]]:
    """``dtype`` (float32 or float64) out of the options, and the others.

    Raises:
        UnknownNameError: no such dtype.
    """
    name = options.get("dtype", "float32")
    if name not in DTYPES:
        raise UnknownNameError(f"unknown dtype '{name}': choose {' or '.join(DTYPES)}")
    return DTYPES[name], {k: v for k, v in options.items() if k != "dtype"}


@dataclass(frozen=True)
class TorchEngine:
    """Eager PyTorch, on the GPU where there is one.

    Attributes:
        dtype: of adaptation and prediction; training is in float32.
    """

    dtype: torch.dtype = torch.float32

    @property
    def backend(self) -> str:
        """Its name."""
        return "torch"

    def with_options(self, options: Mapping[str, Any]) -> tuple[TorchEngine, dict[str, Any]]:
        """This engine with the option ``dtype``, if it is there, and the other options."""
        if "dtype" not in options:
            return self, dict(options)
        dtype, others = precision(options)
        return replace(self, dtype=dtype), others

    def sized_for(self, configurations: Sequence[Configuration], config: Config) -> TorchEngine:
        """This engine: nothing is padded."""
        return self

    def compile_seconds(self) -> float:
        """Nothing is compiled."""
        return 0.0

    def init(self, config: Config, seed: int) -> Params:
        """Random weights."""
        return init(config, seed)

    def arrays(self, arrays: Mapping[str, Any]) -> Params:
        """Arrays by name as tensors of this precision, on this process's device."""
        return on_device(tensors(arrays, self.dtype))

    def numpy(self, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Tensors by name in NumPy."""
        return {name: torch.as_tensor(value).detach().cpu().numpy() for name, value in params.items()}

    def dataset(
        self,
        support: Sequence[Configuration],
        config: Config,
        baseline: EnergyBaseline,
        *,
        scale: float = 1.0,
    ) -> Dataset:
        """A support set as tensors."""
        where: dict[str, Any] = {"dtype": self.dtype, "place": device()}
        return Dataset(support, config, baseline, corrected=True, scale=scale, **where)

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
        return adaptation.descend(params, state, precondition, *data)

    def loss(
        self,
        params: Params,
        config: Config,
        dataset: Dataset,
        indices: np.ndarray,
        settings: AdaptSettings,
    ) -> float:
        """Mean loss of the configurations at ``indices``, as ``settings`` weigh it."""
        weights = LossWeights(settings.energy_weight, settings.force_weight, settings.loss)
        loss, _ = losses(config, weights)
        chunks = [indices[i : i + 16] for i in range(0, len(indices), 16)]
        return sum(len(c) * float(loss(params, dataset.batch(c)).detach()) for c in chunks) / len(indices)

    def predict(
        self,
        params: Params,
        config: Config,
        configurations: Sequence[Configuration],
        head: np.ndarray | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Interaction energies [n] in eV and forces (n arrays [atoms, 3]) in eV/Å."""
        return model_predictions(params, config, configurations, head)

    def design(
        self, params: Params, config: Config, configurations: Sequence[Configuration], count: int
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Features summed over atoms [n, p], and −∂/∂x of the first ``count``, each [3 atoms, p]."""
        return design_arrays(params, config, configurations, count)

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
        """Mean query loss and outer gradient over the step's tasks, of all processes."""
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
        """``folder`` for the first of torchrun's processes, a temporary one for the others."""
        join()
        return folder_of_process(folder), rank() == 0


ENGINE = TorchEngine()
