"""mfbench: how few quantum-mechanical labels does a learned force field need for a new family?"""

# First of all: what follows takes a second, and Ctrl-C in it would be somebody else's traceback.
from mfbench.work.interrupt import leave_while_importing

leave_while_importing()
# ruff: noqa: E402
from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration, Prediction
from mfbench.data.split import Split, Task, available_splits, load_split
from mfbench.errors import MfbenchError
from mfbench.evaluate import evaluate
from mfbench.methods.ase import from_ase
from mfbench.protocol.episode import Episode, draw_episode
from mfbench.protocol.method import Budget, Method, MethodContext, Predictor, Usage
from mfbench.results.results import Results, read_results
from mfbench.version import __version__

__all__ = [
    "EV_TO_KCAL_MOL",
    "Budget",
    "Configuration",
    "Episode",
    "Method",
    "MethodContext",
    "MfbenchError",
    "Prediction",
    "Predictor",
    "Results",
    "Split",
    "Task",
    "Usage",
    "__version__",
    "available_splits",
    "draw_episode",
    "evaluate",
    "from_ase",
    "load_split",
    "read_results",
]
