"""The reference methods as the harness makes them, on the engine of any backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from mfbench.data.split import load_split
from mfbench.errors import TrainingError
from mfbench.learned.adaptation.initial_model import (
    baseline_of,
    initialisation,
    overridden,
    recipe_of,
    scratch_recipe,
)
from mfbench.learned.adaptation.ridge import RidgeSettings, scale_configurations
from mfbench.learned.adaptation.tuned import tuned_settings
from mfbench.learned.engine import Engine
from mfbench.learned.methods.fine_tuned import FineTuned
from mfbench.learned.methods.laplace import Laplace
from mfbench.learned.methods.on_base import on_base
from mfbench.learned.methods.ridge import Ridge
from mfbench.learned.methods.ridge_prior import RidgePrior
from mfbench.learned.methods.scratch import Scratch
from mfbench.learned.training.prepare import config_for
from mfbench.protocol.method import Method, MethodContext

__all__ = ["FINE_TUNED", "learned_methods"]

FINE_TUNED = ("pretrain", "multihead", "cavia", "maml", "maml++", "anil", "fomaml", "reptile")
"""Methods that differ in how they were trained alone; all adapt by fine-tuning."""


def learned_methods(engine: Engine) -> dict[str, Callable[[MethodContext], Method]]:
    """Name → factory of every reference method with a network."""
    made: dict[str, Callable[[MethodContext], Method]] = {
        **{name: partial(fine_tuned, engine, name) for name in FINE_TUNED},
        "offset": partial(offset, engine),
        "ridge": partial(ridge, engine),
        "ridge-prior": partial(ridge_prior, engine),
        "laplace": partial(ridge, engine, kind=Laplace),
        "scratch": partial(scratch, engine),
    }
    delta = on_base(partial(fine_tuned, engine, "delta"), default="gfn2")
    return {**{name: on_base(make) for name, make in made.items()}, "delta": delta}


def fine_tuned(engine: Engine, name: str, context: MethodContext) -> FineTuned:
    """A checkpoint of training method ``name``, fine-tuned as was tuned for it."""
    split = context.split
    engine, options = engine.with_options(context.options)
    checkpoint = initialisation(name, context)
    settings = recipe_of(name, replace(context, options=options), checkpoint)
    engine = engine.sized_for(split.train_configurations, checkpoint.config)
    baseline = baseline_of(checkpoint, split)
    return FineTuned(engine, name, checkpoint, baseline, settings)


def offset(engine: Engine, context: MethodContext) -> FineTuned:
    """The jointly trained model with the closed-form energy correction and no gradient step."""
    made = fine_tuned(engine, "pretrain", context)
    return FineTuned(made.engine, "offset", made.checkpoint, made.baseline, None)


def ridge(engine: Engine, context: MethodContext, kind: type[Ridge] = Ridge, **more: Any) -> Ridge:
    """The jointly trained network, frozen, and a head on its features in closed form."""
    split = context.split
    engine, options = engine.with_options(context.options)
    made = fine_tuned(engine, "pretrain", replace(context, options={}))
    settings = overridden(tuned_settings(split.name, context.arch, "ridge", RidgeSettings), options)
    trained_on = split if split.train else load_split(made.checkpoint.card["split"])
    scaled_on = scale_configurations(trained_on)
    return kind(made.engine, made.checkpoint, made.baseline, settings, scaled_on, **more)


def ridge_prior(engine: Engine, context: MethodContext) -> Ridge:
    """The same, shrunk towards the heads of the train tasks.

    Raises:
        TrainingError: there are fewer than two.
    """
    tasks = context.split.train
    if len(tasks) < 2:
        raise TrainingError(f"{context.split.name} has {len(tasks)} train tasks, a prior needs two")
    return ridge(engine, context, RidgePrior, tasks=tasks)


def scratch(engine: Engine, context: MethodContext) -> Scratch:
    """Random weights, trained on the support alone until they stop improving."""
    split = context.split
    engine, options = engine.with_options(context.options)
    settings = scratch_recipe(replace(context, options=options))
    config = config_for(split, context.arch)
    return Scratch(engine.sized_for(split.train_configurations, config), context.baseline, config, settings)
