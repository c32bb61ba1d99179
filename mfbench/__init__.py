"""mfbench: how few quantum-mechanical labels does a learned force field need for a new family?"""

from mfbench.ase_method import from_ase
from mfbench.configuration import EV_TO_KCAL_MOL, Configuration, Prediction
from mfbench.episode import Episode, draw_episode
from mfbench.errors import MfbenchError
from mfbench.harness import evaluate
from mfbench.method import Budget, Method, MethodContext, Predictor, Usage
from mfbench.results import Results, read_results
from mfbench.split import Split, Task, available_splits, load_split

__version__ = "0.1.0"
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
    "available_splits",
    "draw_episode",
    "evaluate",
    "from_ase",
    "load_split",
    "read_results",
]
