"""Errors of the most similar molecules as an estimate, with an interval whose coverage is measured.

The logarithm of an error is estimated as the mean over the nearest test molecules. What the estimate of a
test molecule from *other families* (and other molecular graphs) is off by, over how much the errors of the
neighbours differ, is its score; the interval is a quantile of all scores times how much the errors of the
asked molecule's neighbours differ (conformal prediction with a normalised score, families left out).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.own.estimate.table import METRICS, ErrorTable
from mfbench.own.uncertainty import conformal_quantile

__all__ = ["NEIGHBOURS", "Estimate", "estimate", "measured_coverage"]

NEIGHBOURS = 8
COVERAGE = 0.9
_FLOOR = 0.2
"""Of a logarithm: neighbours that agree by chance give no narrower interval."""


@dataclass(frozen=True)
class Estimate:
    """What to expect of a method at K labels.

    Attributes:
        method, k, metric: of what.
        value, lo, hi: expected error and its 90 % interval, kcal/mol or kcal/mol/Å.
        nearest: families that the estimate is from, the nearest first.
        distance: to the nearest molecule, in units of the median distance at which scores were measured.
    """

    method: str
    k: int
    metric: str
    value: float
    lo: float
    hi: float
    nearest: tuple[str, ...]
    distance: float


def estimate(table: ErrorTable, vector: np.ndarray) -> list[Estimate]:
    """Estimates of every method, K and metric for a molecule's vector (``ErrorTable.project``)."""
    found = []
    apart = np.linalg.norm(table.vectors - vector, axis=1)
    for method, errors in table.errors.items():
        for number, k in enumerate(table.ks):
            for column, metric in enumerate(METRICS):
                logs = np.log(errors[:, number, column])
                scores, distances = _left_out(table, logs)
                if not len(scores):
                    continue
                nearest = _nearest(apart, np.isfinite(logs))
                middle = float(logs[nearest].mean())
                half = conformal_quantile(scores, COVERAGE) * (float(logs[nearest].std()) + _FLOOR)
                found.append(
                    Estimate(
                        method,
                        k,
                        metric,
                        float(np.exp(middle)),
                        float(np.exp(middle - half)),
                        float(np.exp(middle + half)),
                        tuple(dict.fromkeys(str(table.families[i]) for i in nearest)),
                        float(apart[nearest[0]] / np.median(distances)),
                    )
                )
    return found


def measured_coverage(table: ErrorTable, method: str, k: int, metric: str) -> tuple[float, int]:
    """Share of families' molecules whose error lies in the interval that the other families give, and how
    many molecules that is; the interval's width is from other families as well."""
    logs = np.log(table.errors[method][:, table.ks.index(k), METRICS.index(metric)])
    usable = np.isfinite(logs)
    scores, _ = _left_out(table, logs)
    families = table.families[usable]
    inside = []
    for family in np.unique(families):
        own = families == family
        inside += (scores[own] <= conformal_quantile(scores[~own], COVERAGE)).tolist()
    return (float(np.mean(inside)) if inside else float("nan")), len(inside)


def _left_out(table: ErrorTable, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all molecules that have an error, each estimated from other families and other graphs; and
    the distances to the nearest of these."""
    scores, distances = [], []
    usable = np.isfinite(logs)
    for i in np.flatnonzero(usable):
        others = usable & (table.families != table.families[i]) & (table.graphs != table.graphs[i])
        if not others.any():
            return np.zeros(0), np.zeros(0)
        apart = np.linalg.norm(table.vectors - table.vectors[i], axis=1)
        nearest = _nearest(apart, others)
        scores.append(abs(logs[i] - logs[nearest].mean()) / (logs[nearest].std() + _FLOOR))
        distances.append(apart[nearest[0]])
    return np.array(scores), np.array(distances)


def _nearest(apart: np.ndarray, usable: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(usable)
    chosen: np.ndarray = rows[np.argsort(apart[rows], kind="stable")[:NEIGHBOURS]]
    return chosen
