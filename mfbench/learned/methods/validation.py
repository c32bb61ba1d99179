"""Validation during training: a fixed small episode of every validation family."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.data.split import Task
from mfbench.learned.adaptation.inner_rates import learned_rates, separated
from mfbench.learned.adaptation.per_group import per_group_end
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import Config
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.engine import Engine, Params
from mfbench.learned.methods.fine_tuned import FineTuned
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.protocol.protocol import Budget

__all__ = ["validator"]

K = 20
EVERY = 3
"""Every third query configuration is enough for a curve."""


def validator(
    engine: Engine,
    tasks: Sequence[Task],
    config: Config,
    baseline: EnergyBaseline,
    precondition: Params,
    settings: AdaptSettings | None,
    rates_scale: float = 1.0,
) -> Callable[[Params], dict[str, float]]:
    """params → root mean square errors at K = 20 (draw 0): kcal/mol and kcal/mol/Å, mean over families.

    ``settings`` None: the closed-form correction only, no gradient step. ``rates_scale`` is that of learned
    step sizes among the parameters, see ``mfbench.learned.adaptation.inner_rates``.
    """
    sized = engine.sized_for([c for t in tasks for c in (*t.support, *t.query, *t.heldout)], config)

    def validate(params: Params) -> dict[str, float]:
        weights, logarithms = separated(params)
        weights, each = per_group_end(weights)
        rates = learned_rates(engine.numpy(logarithms), rates_scale)
        start = Checkpoint(config, weights, precondition, {}, rates, each)
        method = FineTuned(sized, "validation", start, baseline, settings)
        errors = [_errors(method, task) for task in tasks]
        mean = np.mean(errors, axis=0) * EV_TO_KCAL_MOL
        return {"energy_rmse": float(mean[0]), "force_rmse": float(mean[1])}

    return validate


def _errors(method: FineTuned, task: Task) -> tuple[float, float]:
    support = [task.support[i] for i in task.draws[0, :K]]
    query = (*task.query, *task.heldout)[::EVERY]
    predictor = method.adapt(support, budget=Budget(), seed=0)
    predicted = predictor.predict([c.blind() for c in query])
    energy = [p.energy - c.label[0] for p, c in zip(predicted, query, strict=True)]
    forces = np.concatenate([(p.forces - c.forces).ravel() for p, c in zip(predicted, query, strict=True)])
    return float(np.sqrt(np.mean(np.square(energy)))), float(np.sqrt(np.mean(forces**2)))
