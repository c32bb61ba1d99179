"""One adaptation from its first to its last step, on the descent of any backend: the rule when to stop.

The same for every method: with ``check`` a fifth of the support is held back, the rest is descended on, and
the weights that were best on the held-back fifth are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.inner_rates import rates_of_steps
from mfbench.learned.adaptation.lbfgs import repeated
from mfbench.learned.adaptation.recipe import AdaptSettings, averaging, step_sizes
from mfbench.learned.architectures.composed import LORA, composed, low_rank
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.engine import Engine, Params
from mfbench.learned.training.sampling_order import adaptation_batches
from mfbench.protocol.protocol import Budget

__all__ = ["Steps", "best_start", "fit_support", "fitted"]


@dataclass(frozen=True, eq=False)
class Steps:
    """Consecutive steps of an adaptation.

    Attributes:
        first: number of the first of them.
        rows: [n, batch] indices into the support.
        sizes: [n] step sizes.
        keeps: [n] share of the old average of the weights that each step keeps.
    """

    first: int
    rows: np.ndarray
    sizes: np.ndarray
    keeps: np.ndarray


def fitted(
    engine: Engine, start: Checkpoint, dataset: Any, settings: AdaptSettings, budget: Budget, seed: int
) -> tuple[Params, int]:
    """Weights adapted to a support set by a recipe, and the configuration-gradients that they took.

    What moved beside the weights (a context, low-rank additions) is added up in them.

    Args:
        engine: of a backend.
        start: where the weights start, with inner scales and learned rates where there are any.
        dataset: the support, of the engine.
        settings, budget, seed: as in ``fit_support``.
    """
    params, precondition = engine.arrays(start.params), engine.arrays(start.precondition)
    if settings.adapt == LORA:
        params |= engine.arrays(low_rank(composed(start.params), settings.lora_rank, seed))
    rates = rates_of_steps(start.rates, params, min(budget.steps, settings.max_steps))

    def descend(state: Any, steps: Steps) -> Any:
        part = slice(steps.first, steps.first + len(steps.rows))
        factors = {name: value[part] for name, value in rates.items()}
        made = dataset, steps.rows, start.config, settings, factors, steps.sizes, steps.keeps
        params, progress = state
        return engine.descend(params, progress, precondition, *made)

    def loss(state: Any, indices: np.ndarray) -> float:
        return engine.loss(averaged(state), start.config, dataset, indices, settings)

    def averaged(state: Any) -> Params:
        params, progress = state
        return {**params, **progress.average} if settings.average else params

    begin = params, engine.start(params, settings)
    state, gradients = fit_support(begin, len(dataset), settings, budget, seed, descend, loss)
    return composed(averaged(state)), gradients


def best_start(engine: Engine, start: Checkpoint, dataset: Any, settings: AdaptSettings) -> Checkpoint:
    """From the train levels' own weights (and their mean), those with the least loss on the support.

    That costs energies and forces of the support once per level, and no gradient.

    Raises:
        UnknownNameError: ``settings.begin`` is neither ``best`` nor ``mean``.
    """
    if settings.begin not in ("best", "mean"):
        raise UnknownNameError(f"unknown begin '{settings.begin}': choose best or mean")
    if settings.begin == "mean":
        return start
    groups = range(len(next(iter(start.each.values()))))
    own = [{name: value[group] for name, value in start.each.items()} for group in groups]
    every, options = np.arange(len(dataset)), [start.params, *(start.params | each for each in own)]
    losses = [engine.loss(engine.arrays(p), start.config, dataset, every, settings) for p in options]
    return replace(start, params=options[int(np.argmin(losses))])


def fit_support(
    start: Any,
    size: int,
    settings: AdaptSettings,
    budget: Budget,
    seed: int,
    descend: Callable[[Any, Steps], Any],
    loss: Callable[[Any, np.ndarray], float],
) -> tuple[Any, int]:
    """The state after adapting to ``size`` configurations, and the configuration-gradients that it took.

    Args:
        start: whatever ``descend`` moves: weights, their average, the optimiser's state.
        size: of the support.
        settings: recipe; with ``budget`` it says how many steps of how many configurations.
        budget: what the track allows.
        seed: of the order and of what is held back.
        descend: (state, steps) → state.
        loss: (state, indices into the support) → loss that is compared at the looks; less is better.
    """
    steps = min(budget.steps, settings.max_steps)
    batch = min(settings.batch, budget.batch) if settings.batch else budget.batch
    held = max(size // 5, 1) if settings.check and size >= 2 else 0
    order = np.random.default_rng([seed, 3]).permutation(size) if held else np.arange(size)
    train, validation = order[held:], order[:held]
    batches = adaptation_batches(len(train), steps, batch, seed)
    rows = train[repeated(batches) if settings.optimizer == "lbfgs" else batches]
    sizes, keeps = step_sizes(settings, steps), averaging(settings, steps)
    best, best_error, waited, gradients, state = start, np.inf, 0, 0, start
    chunk = settings.check if held else max(steps, 1)
    for begin in range(0, steps, chunk):
        part = slice(begin, begin + chunk)
        state = descend(state, Steps(begin, rows[part], sizes[part], keeps[part]))
        gradients += rows[part].size
        if not held:
            return state, gradients
        error = loss(state, validation)
        waited = 0 if error < best_error else waited + 1
        if error < best_error:
            best, best_error = state, error
        if waited >= settings.patience:
            break
    return best, gradients
