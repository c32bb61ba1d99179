"""The reference methods on PyTorch models, as the harness calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mfbench.errors import MfbenchError
from mfbench.learned.adaptation.initial_model import overridden
from mfbench.learned.adaptation.tuned import tuned_settings
from mfbench.learned.methods import learned_methods
from mfbench.protocol.method import MethodContext
from mfbench_torch.engine import ENGINE, precision
from mfbench_torch.foundation import FinetuneSettings, FoundationModel

__all__ = ["METHODS", "finetune"]

METHODS = learned_methods(ENGINE)
"""Name → factory (``MethodContext`` → ``Method``)."""


def __getattr__(name: str) -> Any:
    """Factories as attributes: the registry of methods names ``module:attribute``."""
    try:
        return METHODS[name.replace("_pp", "++").replace("_", "-")]
    except KeyError:
        raise AttributeError(name) from None


def finetune(context: MethodContext) -> FoundationModel:
    """Any mace-torch network, fine-tuned on the support.

    Raises:
        MfbenchError: no ``.model`` file was given.
        CheckpointError: it cannot be read, or is not trusted.
        UnknownNameError: it has several heads and ``head`` names none of them.
    """
    if not context.checkpoint:
        raise MfbenchError("finetune starts from a mace-torch .model file: name it with --model")
    split = context.split
    dtype, options = precision(context.options)
    trusted, head = bool(options.pop("trust_pickle", False)), options.pop("head", None)
    settings = tuned_settings(split.name, context.arch, "finetune", FinetuneSettings)
    settings = overridden(settings, options)
    name = None if head is None else str(head)
    return FoundationModel(Path(context.checkpoint), trusted, split, settings, dtype, name)
