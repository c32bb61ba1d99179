"""Which unit and sign labels have: told by a reference that is right to within tens of percent.

A mistake of units leaves the correlation with a reference alone and multiplies the size; a gradient turns
the correlation round. Any model of the molecule serves as a reference, a semiempirical method best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Scale", "closest_unit", "differences", "scale_between"]

STRONG = 0.8
"""Correlation from which a factor is believed."""
TOLERANCE = 0.3
"""Of the logarithm of (found ÷ expected factor): kcal and kJ differ by 1.4, Hartree and Rydberg by 0.7."""


@dataclass(frozen=True)
class Scale:
    """How labels relate to a reference.

    Attributes:
        ratio: root mean square of the labels over that of the reference, in (label's unit) per eV or eV/Å.
        correlation: cosine between the two; negative for gradients.
        count: numbers compared.
    """

    ratio: float
    correlation: float
    count: int


def scale_between(labels: np.ndarray, reference: np.ndarray) -> Scale:
    """Of two vectors of equal length; correlation 0 where one vanishes."""
    size = float(np.linalg.norm(labels) * np.linalg.norm(reference))
    if size == 0.0:
        return Scale(float("nan"), 0.0, len(labels))
    ratio = float(np.linalg.norm(labels) / np.linalg.norm(reference))
    return Scale(ratio, float(labels @ reference) / size, len(labels))


def differences(values: Sequence[float], groups: Sequence[str]) -> np.ndarray:
    """Values less the mean of their group [m]; groups of one are left out."""
    names = np.asarray(groups)
    numbers = np.asarray(values, float)
    parts = [numbers[names == name] for name in dict.fromkeys(groups)]
    return np.concatenate([p - p.mean() for p in parts if len(p) > 1] or [np.zeros(0)])


def closest_unit(scale: Scale, units: Mapping[str, float]) -> list[str]:
    """Units whose factor explains the ratio, the closest first; empty where the correlation is weak."""
    if abs(scale.correlation) < STRONG:
        return []
    off = {unit: abs(float(np.log(scale.ratio * factor))) for unit, factor in units.items()}
    return sorted((unit for unit in off if off[unit] < TOLERANCE), key=off.__getitem__)
