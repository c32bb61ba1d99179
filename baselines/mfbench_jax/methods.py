"""The reference methods on JAX models, as the harness calls them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mfbench.baseline import fit_baseline
from mfbench.errors import CheckpointError, MfbenchError
from mfbench.method import MethodContext
from mfbench_jax.adaptation import AdaptSettings
from mfbench_jax.checkpoint import embedded_checkpoint, load_checkpoint
from mfbench_jax.data import slots
from mfbench_jax.finetuned import FineTuned
from mfbench_jax.scratch import Scratch, ScratchSettings
from mfbench_jax.train import config_for
from mfbench_jax.tuned import tuned_settings

__all__ = ["fomaml", "maml", "offset", "pretrain", "reptile", "scratch"]


def _learned(name: str, context: MethodContext, initialisation: str | None = None) -> FineTuned:
    path = context.checkpoint or embedded_checkpoint(
        context.split.name, context.arch, initialisation or name
    )
    checkpoint = load_checkpoint(Path(path))
    if checkpoint.card["data_hash"] != context.split.manifest.data_hash and not context.checkpoint:
        raise CheckpointError(f"checkpoint {path} was trained on another version of {context.split.name}")
    settings = tuned_settings(context.split.name, context.arch, name, AdaptSettings)
    baseline = fit_baseline(context.split.train_configurations, context.split.isolated_atom_energies)
    floor = slots(context.split.train_configurations, checkpoint.config)
    return FineTuned(name, checkpoint, baseline, _overridden(settings, context.options), floor)


def _overridden(settings: Any, options: dict[str, Any]) -> Any:
    try:
        return replace(settings, **options)
    except TypeError:
        known = ", ".join(asdict(settings))
        raise MfbenchError(f"unknown option in {', '.join(options)}: this method has {known}") from None


def pretrain(context: MethodContext) -> FineTuned:
    """Joint training over the meta-train families, then fine-tuning: the baseline to fear."""
    return _learned("pretrain", context)


def maml(context: MethodContext) -> FineTuned:
    """MAML, second order (Finn et al. 2017)."""
    return _learned("maml", context)


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


def scratch(context: MethodContext) -> Scratch:
    """Random weights, trained on the support alone until they stop improving."""
    split = context.split
    settings = tuned_settings(split.name, context.arch, "scratch", ScratchSettings)
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    config = config_for(split)
    floor = slots(split.train_configurations, config)
    return Scratch(baseline, config, _overridden(settings, context.options), floor)
