"""What more labels would bring: a power law through errors at fewer labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["LearningCurve", "fit_learning_curve"]


@dataclass(frozen=True)
class LearningCurve:
    """Errors against labels, and the law error = amplitude × labels^−exponent through them.

    Attributes:
        labels: numbers of labels, ascending.
        errors: root mean square errors on configurations that were not learned from.
        amplitude, exponent: of the law; exponent 0 where more labels did not help.
    """

    labels: tuple[int, ...]
    errors: tuple[float, ...]
    amplitude: float
    exponent: float

    def error_at(self, labels: float) -> float:
        """What the law says of so many labels."""
        return float(self.amplitude * labels**-self.exponent)

    @property
    def doubling(self) -> float:
        """Factor by which twice the labels shrink the error, above 1 where they do."""
        return float(2.0**self.exponent)


def fit_learning_curve(labels: Sequence[int], errors: Sequence[float]) -> LearningCurve:
    """Least squares in logarithms; an exponent below zero (worse with more labels) is taken as none."""
    order = np.argsort(labels)
    k, e = np.asarray(labels, float)[order], np.asarray(errors, float)[order]
    if len(k) < 2:
        return LearningCurve(tuple(int(x) for x in k), tuple(e), float(e[0]), 0.0)
    slope, intercept = np.polyfit(np.log(k), np.log(e), 1)
    if slope >= 0:
        slope, intercept = 0.0, float(np.log(e[-1]))
    return LearningCurve(
        tuple(int(x) for x in k), tuple(float(x) for x in e), float(np.exp(intercept)), float(-slope)
    )
