"""Your own system: labelled structures in, an adapted model with error bars, dynamics and a report out."""

from mfbench.own.adapt import adapt
from mfbench.own.model import AdaptedModel, load_model

__all__ = ["AdaptedModel", "adapt", "load_model"]
