"""The reference methods on JAX models, as the harness calls them."""

from __future__ import annotations

from dataclasses import replace

from mfbench.learned.adaptation.initial_model import (
    baseline_of,
    initialisation,
    overridden,
    recipe_of,
    scratch_recipe,
)
from mfbench.learned.adaptation.ridge import RidgeSettings, scale_configurations
from mfbench.learned.adaptation.tuned import tuned_settings
from mfbench.learned.training.prepare import config_for
from mfbench.methods.energy_baseline import fit_baseline
from mfbench.protocol.method import MethodContext
from mfbench_jax.checkpoint import with_arrays
from mfbench_jax.data import slots
from mfbench_jax.finetuned import FineTuned
from mfbench_jax.ridge import Ridge
from mfbench_jax.scratch import Scratch

__all__ = ["anil", "fomaml", "maml", "maml_pp", "offset", "pretrain", "reptile", "ridge", "scratch"]


def _learned(name: str, context: MethodContext) -> FineTuned:
    split = context.split
    checkpoint = with_arrays(initialisation(name, context))
    settings = recipe_of(name, context, checkpoint)
    baseline = baseline_of(checkpoint, split)
    floor = slots(split.train_configurations, checkpoint.config)
    return FineTuned(name, checkpoint, baseline, settings, floor)


def pretrain(context: MethodContext) -> FineTuned:
    """Joint training over the meta-train families, then fine-tuning: the baseline to fear."""
    return _learned("pretrain", context)


def maml(context: MethodContext) -> FineTuned:
    """MAML, second order (Finn et al. 2017)."""
    return _learned("maml", context)


def maml_pp(context: MethodContext) -> FineTuned:
    """MAML++ (Antoniou, Edwards & Storkey 2019): learned step sizes, multi-step loss, annealed order."""
    return _learned("maml++", context)


def anil(context: MethodContext) -> FineTuned:
    """ANIL (Raghu et al. 2020): MAML whose inner loop moves the head alone."""
    return _learned("anil", context)


def fomaml(context: MethodContext) -> FineTuned:
    """First-order MAML (Finn et al. 2017)."""
    return _learned("fomaml", context)


def reptile(context: MethodContext) -> FineTuned:
    """Reptile (Nichol et al. 2018)."""
    return _learned("reptile", context)


def offset(context: MethodContext) -> FineTuned:
    """The jointly trained model with the closed-form energy correction and no gradient step."""
    made = _learned("pretrain", context)
    return FineTuned("offset", made.checkpoint, made.baseline, None, made.floor)


def ridge(context: MethodContext) -> Ridge:
    """The jointly trained network, frozen, and a head on its features in closed form."""
    split = context.split
    made = _learned("pretrain", replace(context, options={}))
    settings = tuned_settings(split.name, context.arch, "ridge", RidgeSettings)
    settings = overridden(settings, context.options)
    return Ridge(made.checkpoint, made.baseline, settings, scale_configurations(split), made.floor)


def scratch(context: MethodContext) -> Scratch:
    """Random weights, trained on the support alone until they stop improving."""
    split = context.split
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    config = config_for(split, context.arch)
    floor = slots(split.train_configurations, config)
    return Scratch(baseline, config, scratch_recipe(context), floor)
