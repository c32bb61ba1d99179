"""mfbench: how few quantum-mechanical labels does a learned force field need for a new family?"""

# First of all: what follows takes a second, and Ctrl-C in it would be somebody else's traceback.
from mfbench.work.interrupt import leave_while_importing

leave_while_importing()
import importlib
from typing import TYPE_CHECKING

# ruff: noqa: E402
from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration, Prediction
from mfbench.data.split import Split, Task, available_splits, load_split
from mfbench.errors import MfbenchError
from mfbench.evaluate import evaluate
from mfbench.learned.methods.corrected import corrected
from mfbench.methods.ase import from_ase
from mfbench.protocol.catalogue import METHODS
from mfbench.protocol.check_method import check_method
from mfbench.protocol.episode import Episode, draw_episode
from mfbench.protocol.method import Method, MethodContext, Predictor, Usage
from mfbench.protocol.protocol import Budget, Protocol, Track
from mfbench.protocol.specs import MethodSpec
from mfbench.results.results import Results, read_results
from mfbench.work.version import __version__

if TYPE_CHECKING:
    from mfbench.own.adapt import adapt
    from mfbench.own.model import AdaptedModel, load_model

__all__ = [
    "EV_TO_KCAL_MOL",
    "METHODS",
    "AdaptedModel",
    "Budget",
    "Configuration",
    "Episode",
    "Method",
    "MethodContext",
    "MethodSpec",
    "MfbenchError",
    "Prediction",
    "Predictor",
    "Protocol",
    "Results",
    "Split",
    "Task",
    "Track",
    "Usage",
    "__version__",
    "adapt",
    "available_splits",
    "check_method",
    "corrected",
    "draw_episode",
    "evaluate",
    "from_ase",
    "load_model",
    "load_split",
    "read_results",
]

_OWN = {
    "AdaptedModel": "mfbench.own.model",
    "adapt": "mfbench.own.adapt",
    "load_model": "mfbench.own.model",
}
"""They need a backend's packages, which the core does without: read when they are first asked for."""


def __getattr__(name: str) -> object:
    """Own systems."""
    if name not in _OWN:
        raise AttributeError(f"module 'mfbench' has no attribute '{name}'")
    return getattr(importlib.import_module(_OWN[name]), name)
