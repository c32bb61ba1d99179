"""Methods made of foreign models, as the harness makes them: a family, a strategy, a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from mfbench.errors import MfbenchError, UnknownNameError
from mfbench.learned.adaptation.initial_model import RECIPES, overridden
from mfbench.learned.adaptation.recipe import CONVERGED, AdaptSettings
from mfbench.learned.adaptation.tuned import tuned_settings
from mfbench.learned.training.prepare import config_for
from mfbench.methods.public_models import PUBLIC_MODELS, ModelCard, TrainingData
from mfbench.protocol.method import Method, MethodContext
from mfbench_torch.engine import TorchEngine, precision
from mfbench_torch.foreign.ani import read_ani
from mfbench_torch.foreign.delta import DeltaMethod
from mfbench_torch.foreign.mace_model import read_mace
from mfbench_torch.foreign.model import ForeignModel, ForeignNetwork
from mfbench_torch.foreign.replay import SOURCES, replayed
from mfbench_torch.foreign.so3lr import LONG_RANGE, read_so3lr
from mfbench_torch.foreign.strategies import check_strategy, moving_of
from mfbench_torch.foreign.torch_module import read_torch_module
from mfbench_torch.foreign.tuned import ForeignMethod
from mfbench_torch.foreign.zero import find_zero

__all__ = ["ani", "finetune", "made", "so3lr", "torch_module"]

RATES = {"full": 5e-4, "replay": 5e-4, "frozen": 1e-3, "head": 3e-3, "lora": 1e-2, "delta": 3e-2}
"""Adam's, by strategy: set by hand after two or three looks at the validation families of levels-mini, of
which there is no record; not the outcome of a search."""
RANK = 4


def so3lr(context: MethodContext) -> Method:
    """SO3LR, zero-shot or fine-tuned.

    Raises:
        MfbenchError: the package is not installed, or an option is wrong.
    """
    dtype, options = precision(context.options)
    reach = float(options.pop("long_range", LONG_RANGE))
    return made("so3lr", read_so3lr(dtype, reach), dtype, replace(context, options=options), "none")


def finetune(context: MethodContext) -> Method:
    """Any mace-torch network, fine-tuned on the support.

    Raises:
        MfbenchError: no ``.model`` file was given, or an option is wrong.
        CheckpointError: it cannot be read, or is not trusted.
        UnknownNameError: it has several heads and ``head`` names none of them.
    """
    if not context.checkpoint:
        raise MfbenchError("finetune starts from a mace-torch .model file: name it with --model")
    dtype, options = precision(context.options)
    trusted, head = bool(options.pop("trust_pickle", False)), options.pop("head", None)
    card, options = declared(PUBLIC_MODELS["finetune"].card, options)
    name = None if head is None else str(head)
    model = read_mace(Path(context.checkpoint), card, dtype, head=name, trust_pickle=trusted)
    return made("finetune", model, dtype, replace(context, options=options), "full")


def ani(context: MethodContext) -> Method:
    """An ANI network with weights from a file, zero-shot or fine-tuned.

    Raises:
        MfbenchError: no file was given, torchani is not installed, or an option is wrong.
    """
    if not context.checkpoint:
        raise MfbenchError("ani takes the weights of a state-dict file of torchani: name it with --model")
    dtype, options = precision(context.options)
    kind = str(options.pop("model", ""))
    card, options = declared(PUBLIC_MODELS["ani"].card, options)
    model = read_ani(Path(context.checkpoint), kind, card, dtype)
    return made("ani", model, dtype, replace(context, options=options), "none")


def torch_module(context: MethodContext) -> Method:
    """Any PyTorch module with energies, zero-shot or fine-tuned; see ``torch_module`` for what it is given.

    Raises:
        MfbenchError: none was given, it cannot be imported, or an option is wrong.
    """
    if not context.checkpoint:
        raise MfbenchError("torch-module runs a module of yours: name it with --model module:make")
    dtype, options = precision(context.options)
    card, options = declared(PUBLIC_MODELS["torch-module"].card, options)
    model = read_torch_module(context.checkpoint, card, dtype)
    return made("torch-module", model, dtype, replace(context, options=options), "none")


def declared(card: ModelCard, options: Mapping[str, Any]) -> tuple[ModelCard, dict[str, Any]]:
    """A card with what the user says of a model whose file does not say it, and the other options."""
    others = dict(options)
    level, licence = (str(others.pop(key, getattr(card, key))) for key in ("level", "licence"))
    data = others.pop("trained_on", None)
    training = card.training if data is None else (TrainingData(str(data)),)
    return replace(card, level=level, licence=licence, training=training), others


def made(
    name: str, model: ForeignModel, dtype: torch.dtype, context: MethodContext, strategy: str
) -> ForeignMethod | DeltaMethod:
    """A method of a model.

    Args:
        name: of the method.
        model: of a family.
        dtype: of all computations.
        context: options less those of the family.
        strategy: if the options name none.

    Raises:
        MfbenchError: an option does not exist, or has no such value.
    """
    options = dict(context.options)
    chosen = check_strategy(str(options.pop("strategy", strategy)))
    own = {key: options.pop(key, default) for key, default in _OWN.get(chosen, {}).items()}
    network = ForeignNetwork(model, dict(model.module.named_parameters()))
    if chosen == "none":
        options.pop("recipe", None)  # of the track: there is nothing to descend by it
        if options:
            raise MfbenchError(
                f"{name} is zero-shot unless a strategy is named, and takes no {', '.join(options)}: "
                "add --option strategy=full, or another"
            )
        return ForeignMethod(name, model, find_zero(network, context.split))
    settings = _recipe(name, chosen, replace(context, options=options))
    if chosen == "delta":
        frozen = ForeignMethod(name, model, find_zero(network, context.split))
        return DeltaMethod(frozen, TorchEngine(dtype), config_for(context.split, context.arch), settings)
    moving = moving_of(model, chosen, own.get("rank", RANK))
    zero = find_zero(network, context.split)
    others = replayed(own["replay_from"], network, zero) if chosen == "replay" else ()
    return ForeignMethod(name, model, zero, settings, moving, others, {"strategy": chosen, **own})


_OWN: dict[str, dict[str, Any]] = {"lora": {"rank": RANK}, "replay": {"replay_from": SOURCES[0]}}
"""Strategy → its own options, and their defaults."""


def _recipe(name: str, strategy: str, context: MethodContext) -> AdaptSettings:
    """How a strategy descends: what was tuned, else the converged recipe at the rate of the strategy."""
    options = dict(context.options)
    recipe = options.pop("recipe", RECIPES[0])
    if recipe not in RECIPES:
        raise UnknownNameError(f"unknown recipe '{recipe}': choose {' or '.join(RECIPES)}")
    defaults = asdict(CONVERGED) | {"rate": RATES[strategy]}
    if recipe != "converged":
        defaults |= {"batch": 0, "check": 0, "warm_up": 0, "average": 0.0}
    key = f"{strategy}@converged" if recipe == "converged" else strategy
    tuned = tuned_settings(context.split.name, name, key, AdaptSettings, **defaults)
    return overridden(tuned, options)
