"""One adaptation to own labels: a start, a recipe, a seed; a member of the model's committee."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import TrainingError
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.engine import Engine
from mfbench.learned.training.sampling_order import adaptation_batches
from mfbench.own.energy_zero import elements_alone, fit_zero
from mfbench.own.starts import Start
from mfbench.protocol.energy_baseline import EnergyBaseline

__all__ = ["RECIPES", "Member", "Recipe", "fit_member", "recipe_of"]


@dataclass(frozen=True)
class Recipe:
    """How weights are moved.

    Attributes:
        name: in words, for the report.
        settings: optimiser, rate, weights of the loss.
        steps, batch: gradient steps, and configurations per step; 0 steps: the energy zero alone.
    """

    name: str
    settings: AdaptSettings
    steps: int
    batch: int


_ADAM = AdaptSettings("adam", 1e-2, decay="cosine")
RECIPES = (
    Recipe("20 steps", _ADAM, 20, 16),
    Recipe("300 steps", _ADAM, 300, 4),
    Recipe("2,000 steps", _ADAM, 2000, 4),
)
"""From the cheapest on: Adam at 1e-2 with a cosine, as practitioners fine-tune."""


def recipe_of(steps: int) -> Recipe:
    """The middle recipe with another number of steps."""
    return replace(RECIPES[1], name=f"{steps:,} steps", steps=steps)


@dataclass(frozen=True, eq=False)
class Member:
    """An adapted network with its energy zero.

    Attributes:
        params: weights by name, NumPy.
        config: architecture.
        baseline: energy zero.
        atoms: the same zero by elements alone (eV), for programs that know no charge; None where the
            molecules it was made from do not allow that.
        stepping: wall time of its gradient steps in seconds, without compiling.
    """

    params: dict[str, np.ndarray]
    config: Config
    baseline: EnergyBaseline
    atoms: dict[int, float] | None
    stepping: float = 0.0

    def predict(
        self, engine: Engine, configurations: Sequence[Configuration]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Total energies [n] in eV, and forces (n arrays [atoms, 3]) in eV/Å."""
        energies, forces = engine.predict(engine.arrays(self.params), self.config, configurations)
        return energies + self.baseline.energies(configurations), forces


def fit_member(
    engine: Engine, start: Start, recipe: Recipe, support: Sequence[Configuration], seed: int
) -> Member:
    """Adapt once. The same seed gives the same weights.

    Args:
        engine: of a backend, sized for all configurations that will be asked for.
        start: where to start.
        recipe: how.
        support: labelled, at least one.
        seed: of the batches' order, and of random weights.

    Raises:
        TrainingError: a weight is not finite.
    """
    config = start.config
    params = (
        engine.init(config, seed) if start.checkpoint is None else engine.arrays(start.checkpoint.params)
    )
    modelled, _ = engine.predict(params, config, support)
    baseline = fit_zero(start.baseline, support, modelled)
    stepping = 0.0
    if recipe.steps:
        dataset = engine.dataset(support, config, baseline)
        indices = adaptation_batches(len(support), recipe.steps, recipe.batch, seed)
        state = engine.start(params, recipe.settings)
        began, compiled = time.monotonic(), engine.compile_seconds()
        params, _ = engine.descend(params, state, {}, dataset, indices, config, recipe.settings, {})
        stepping = time.monotonic() - began - (engine.compile_seconds() - compiled)
        modelled, _ = engine.predict(params, config, support)
        baseline = fit_zero(start.baseline, support, modelled)
    arrays = engine.numpy(params)
    broken = [name for name, value in arrays.items() if not np.all(np.isfinite(value))]
    if broken or not np.all(np.isfinite(modelled)):
        raise TrainingError(
            f"{start.name} with {recipe.name} gave weights that are not finite "
            f"({', '.join(broken[:3]) or 'energies'}): choose fewer steps or another start"
        )
    return Member(arrays, config, baseline, elements_alone(baseline, support), stepping)
