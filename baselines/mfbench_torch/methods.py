"""The reference methods on PyTorch models, as the harness calls them."""

from __future__ import annotations

from typing import Any

from mfbench.learned.methods.factories import learned_methods
from mfbench_torch.engine import ENGINE

__all__ = ["METHODS"]

METHODS = learned_methods(ENGINE)
"""Name → factory (``MethodContext`` → ``Method``)."""


def __getattr__(name: str) -> Any:
    """Factories as attributes: the registry of methods names ``module:attribute``."""
    try:
        return METHODS[name.replace("_pp", "++").replace("_", "-")]
    except KeyError:
        raise AttributeError(name) from None
