"""The preflight of own data: keys, units, signs, charges, duplicates, each with its proof."""

from mfbench.own.preflight.finding import Choices, Finding
from mfbench.own.preflight.preflight import Preflight, preflight

__all__ = ["Choices", "Finding", "Preflight", "preflight"]
