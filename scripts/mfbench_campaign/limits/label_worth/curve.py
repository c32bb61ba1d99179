"""Reading a learning curve backwards: how many labels an error costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

__all__ = ["Needed", "labels_needed"]


class Needed(NamedTuple):
    """Labels; ``bound`` says how exact: ``=``, ``<=`` (the fewest tried are enough) or ``>=`` (the most
    tried are not)."""

    labels: float
    bound: str

    def over(self, used: float) -> Needed:
        """As a multiple of the labels that were used."""
        return Needed(self.labels / used, self.bound)

    def __str__(self) -> str:
        sign = {"=": "", "<=": "≤ ", ">=": "≥ "}[self.bound]
        return sign + (f"{self.labels:,.0f}" if self.labels >= 100 else f"{self.labels:.3g}")


def labels_needed(curve: Mapping[int, float], target: float) -> Needed:
    """The first support size at which a curve of errors reaches ``target``.

    Straight between two sizes in the logarithms of both, from the last size that does not reach it to the
    first that does.

    Args:
        curve: support size → error (positive), at least one.
        target: error to reach (positive).
    """
    sizes = sorted(curve)
    first = next((i for i, k in enumerate(sizes) if curve[k] <= target), None)
    if first is None:
        return Needed(float(sizes[-1]), ">=")
    if first == 0:
        return Needed(float(sizes[0]), "<=")
    (k0, k1) = sizes[first - 1], sizes[first]
    share = np.log(curve[k0] / target) / np.log(curve[k0] / curve[k1])
    return Needed(float(k0 * (k1 / k0) ** share), "=")
