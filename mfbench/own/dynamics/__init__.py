"""Molecular dynamics with an adapted model, and whether the molecule survives it."""

from mfbench.own.dynamics.probe import StabilityProbe
from mfbench.own.dynamics.run import DynamicsSettings, simulate
from mfbench.own.dynamics.stability import Stability, judge

__all__ = ["DynamicsSettings", "Stability", "StabilityProbe", "judge", "simulate"]
