"""What a backend brings: arrays, networks, losses and their gradients. All else is shared.

``mfbench_jax`` and ``mfbench_torch`` each have one class that fits; methods, training and validation are
written once, on top of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.split import Task
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.training.phases import Phase, PhaseResult
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.energy_baseline import EnergyBaseline

__all__ = ["Engine", "Params", "Step"]

Params: TypeAlias = dict[str, Any]
"""Weights by name, as arrays of the backend."""
Step: TypeAlias = Callable[[Params, int], tuple[Any, Params]]
"""(weights, number of the step) → loss and gradient."""


class Engine(Protocol):
    """A backend, set to a precision and, where shapes are compiled, to a size.

    Energies are in eV, forces in eV/Å, positions in Å throughout.
    """

    @property
    def backend(self) -> str:
        """Its name: ``jax`` or ``torch``."""
        ...

    def with_options(self, options: Mapping[str, Any]) -> tuple[Engine, dict[str, Any]]:
        """This engine with the options that are the backend's own, and the other options.

        Raises:
            UnknownNameError: an option of the backend has no such value.
        """
        ...

    def sized_for(self, configurations: Sequence[Configuration], config: Config) -> Engine:
        """This engine with shapes that hold such configurations, so that episodes share a program."""
        ...

    def compile_seconds(self) -> float:
        """Seconds that this process has spent compiling."""
        ...

    # Weights

    def init(self, config: Config, seed: int) -> Params:
        """Random weights."""
        ...

    def arrays(self, arrays: Mapping[str, Any]) -> Params:
        """Arrays by name (of NumPy or of the backend) as the backend computes with them."""
        ...

    def numpy(self, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Arrays by name in NumPy."""
        ...

    # Adapting and predicting

    def dataset(
        self,
        support: Sequence[Configuration],
        config: Config,
        baseline: EnergyBaseline,
        *,
        scale: float = 1.0,
    ) -> Any:
        """A support set as ``descend`` and ``loss`` take it; ``scale`` is of the correction's prior."""
        ...

    def start(self, params: Params, settings: AdaptSettings) -> Any:
        """What there is before the first step: the optimiser's state, and as ``average`` the weights that
        adapt, of which an average is kept from then on.

        Raises:
            UnknownNameError: no such optimiser, or ``settings.adapt`` fits no weight.
        """
        ...

    def descend(
        self,
        params: Params,
        state: Any,
        precondition: Params,
        dataset: Any,
        indices: np.ndarray,
        config: Config,
        settings: AdaptSettings,
        rates: Mapping[str, np.ndarray],
        sizes: np.ndarray | None = None,
        keeps: np.ndarray | None = None,
    ) -> tuple[Params, Any]:
        """One gradient step per row of ``indices`` [steps, batch].

        [steps] each: ``rates`` are factors by the name of the weight; ``sizes`` are the step sizes, and
        ``keeps`` the share of the old average that each step keeps.
        """
        ...

    def loss(
        self,
        params: Params,
        config: Config,
        dataset: Any,
        indices: np.ndarray,
        settings: AdaptSettings,
    ) -> float:
        """Mean loss of the configurations at ``indices``, as ``settings`` weigh it."""
        ...

    def predict(
        self,
        params: Params,
        config: Config,
        configurations: Sequence[Configuration],
        head: np.ndarray | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Interaction energies [n] and forces (n arrays [atoms, 3]); a linear head [F] adds."""
        ...

    def design(
        self, params: Params, config: Config, configurations: Sequence[Configuration], count: int
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Features summed over atoms [n, p], and −∂/∂x of the first ``count``, each [3 atoms, p]."""
        ...

    # Training

    def joint_gradient(
        self, tasks: Sequence[Task], config: Config, baseline: EnergyBaseline, settings: TrainSettings
    ) -> Step:
        """Loss and gradient of a batch drawn over all configurations of ``tasks``."""
        ...

    def meta_gradient(
        self,
        tasks: Sequence[Task],
        config: Config,
        baseline: EnergyBaseline,
        settings: TrainSettings,
        precondition: Params,
        steps: int,
    ) -> Step:
        """Mean query loss and outer gradient; ``precondition`` has entries for the weights that adapt."""
        ...

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
        ...

    def own_folder(self, folder: Path) -> tuple[Path, bool]:
        """Where this process writes, and whether it is the one whose files and progress count."""
        ...
