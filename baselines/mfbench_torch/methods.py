"""The reference methods on PyTorch models, as the harness calls them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mfbench.errors import MfbenchError, UnknownNameError
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
from mfbench_torch.checkpoint import tensors
from mfbench_torch.finetuned import FineTuned
from mfbench_torch.foundation import FinetuneSettings, FoundationModel
from mfbench_torch.ridge import Ridge
from mfbench_torch.scratch import Scratch

__all__ = [
    "anil",
    "finetune",
    "fomaml",
    "maml",
    "maml_pp",
    "offset",
    "pretrain",
    "reptile",
    "ridge",
    "scratch",
]

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def _learned(name: str, context: MethodContext) -> FineTuned:
    split = context.split
    found = initialisation(name, context)
    dtype, options = _precision(context.options)
    params, scales = tensors(found.params, dtype), tensors(found.precondition, dtype)
    checkpoint = replace(found, params=params, precondition=scales)
    settings = recipe_of(name, replace(context, options=options), found)
    baseline = baseline_of(found, split)
    return FineTuned(name, checkpoint, baseline, settings, dtype)


def _precision(options: dict[str, Any]) -> tuple[torch.dtype, dict[str, Any]]:
    """``dtype`` (float32 or float64) out of the options, and the others."""
    name = options.get("dtype", "float32")
    if name not in _DTYPES:
        raise UnknownNameError(f"unknown dtype '{name}': choose float32 or float64")
    return _DTYPES[name], {k: v for k, v in options.items() if k != "dtype"}


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
    return FineTuned("offset", made.checkpoint, made.baseline, None, made.dtype)


def ridge(context: MethodContext) -> Ridge:
    """The jointly trained network, frozen, and a head on its features in closed form."""
    split = context.split
    dtype, options = _precision(context.options)
    made = _learned("pretrain", replace(context, options={"dtype": str(dtype).removeprefix("torch.")}))
    settings = overridden(tuned_settings(split.name, context.arch, "ridge", RidgeSettings), options)
    return Ridge(made.checkpoint, made.baseline, settings, scale_configurations(split))


def scratch(context: MethodContext) -> Scratch:
    """Random weights, trained on the support alone until they stop improving."""
    split = context.split
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    dtype, options = _precision(context.options)
    settings = scratch_recipe(replace(context, options=options))
    return Scratch(baseline, config_for(split, context.arch), settings, dtype)


def finetune(context: MethodContext) -> FoundationModel:
    """Any mace-torch network, fine-tuned on the support.

    Raises:
        MfbenchError: no ``.model`` file was given.
        CheckpointError: it cannot be read, or is not trusted.
    """
    if not context.checkpoint:
        raise MfbenchError("finetune starts from a mace-torch .model file: name it with --model")
    split = context.split
    dtype, options = _precision(context.options)
    trusted = bool(options.pop("trust_pickle", False))
    settings = tuned_settings(split.name, context.arch, "finetune", FinetuneSettings)
    return FoundationModel(Path(context.checkpoint), trusted, split, overridden(settings, options), dtype)
