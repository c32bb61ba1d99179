"""Does adaptation help where the support does not reach? Force errors against coverage by the support.

*environments*: every query atom, by the distance of its environment to the nearest one of the same element
in the support, in units of the element's spread over meta-train. *torsions*: every query configuration, by
the largest distance of any of its torsions to that torsion's nearest value in the support; molecules that
the support does not hold stand apart (*unseen*). Both in fifths within each family, covered to rare.

Rare atoms are harder for any model: the errors of the same network before adaptation stand beside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.environments import describe
from mfbench.data.split import Split, Task
from mfbench.errors import PredictionError
from mfbench.protocol.protocol import Budget
from mfbench_campaign.headline import SHOWN
from mfbench_campaign.limits.coverage.equal_shares import rms_in, shares
from mfbench_campaign.limits.coverage.nearest_environment import elements_of, nearest, spreads_of
from mfbench_campaign.limits.coverage.table import table
from mfbench_campaign.limits.coverage.torsions import torsion_distances
from mfbench_campaign.limits.measured import Content, Measurement
from mfbench_campaign.limits.predicted_errors import force_errors
from mfbench_campaign.limits.setting import Setting

__all__ = ["KS", "METHODS", "measurements", "table"]

METHODS = ("offset", "pretrain", "maml")
"""``offset`` does not adapt its forces: its rare ÷ covered is that of the pre-trained network."""
KS = SHOWN
FEWEST = 10
"""Seen configurations below which a family has no fifths of torsions."""


def measurements(setting: Setting, method: str, advance: Callable[[], None]) -> list[Measurement]:
    """One measurement per K."""
    options, found = setting.options(method), []
    for k in KS:
        identity = setting.identity("coverage", method, f"K{k}", options, k=k)
        found.append(Measurement(identity, partial(_measure, setting, method, options, k, advance)))
    return found


def _measure(
    setting: Setting, name: str, options: dict[str, Any], k: int, advance: Callable[[], None]
) -> Content:
    method = setting.method(name, options)
    before = method.adapt([], budget=Budget(), seed=0)
    values: dict[str, dict[str, Any]] = {}
    for task in setting.split.test:
        episode = setting.episode(task, k)
        query = [episode.query[i] for i in np.flatnonzero(episode.subsets["all"])]
        try:
            squares = [force_errors(p, query) for p in (before, setting.adapted(method, episode))]
        except PredictionError as error:
            values[task.family_id] = {"failure": str(error)}
        else:
            values[task.family_id] = {
                "environments": _environments(setting.split, episode.support, query, squares),
                "torsions": _torsions(task, episode.support, query, squares),
            }
        advance()
    return Content(groups=setting.groups, values=values)


def _environments(
    split: Split,
    support: Sequence[Configuration],
    query: Sequence[Configuration],
    squares: Sequence[np.ndarray],
) -> dict[str, Any]:
    """Errors (kcal/mol/Å) before and after, and the median distance, in fifths of the atoms."""
    elements = elements_of(split)
    numbers = np.concatenate([c.atomic_numbers for c in query])
    asked = np.concatenate([describe(c, elements) for c in query])
    known = np.concatenate([describe(c, elements) for c in support])
    of_known = np.concatenate([c.atomic_numbers for c in support])
    distances = nearest(numbers, asked, of_known, known, spreads_of(split))
    share = shares(distances)
    return {
        **_both(squares, share),
        "distance": [float(np.median(distances[share == i])) for i in range(5)],
        "absent": float(np.mean(np.isinf(distances))),
    }


def _torsions(
    task: Task,
    support: Sequence[Configuration],
    query: Sequence[Configuration],
    squares: Sequence[np.ndarray],
) -> dict[str, Any]:
    """As ``_environments``, in fifths of the seen configurations; ``distance`` in degrees."""
    distances = torsion_distances(task.everything, support, query)
    ends = np.cumsum([len(c) for c in query])[:-1]
    of_configuration = [np.array([part.mean() for part in np.split(s, ends)]) for s in squares]
    seen, unseen = np.isfinite(distances), np.isinf(distances)
    found: dict[str, Any] = {
        "seen": int(seen.sum()),
        "unseen": int(unseen.sum()),
        "without": int(np.isnan(distances).sum()),
    }
    if unseen.any():
        found["unseen_errors"] = [_rms(s[unseen]) for s in of_configuration]
    if found["seen"] >= FEWEST:
        share = shares(distances[seen])
        found |= _both([s[seen] for s in of_configuration], share)
        found["distance"] = [float(np.degrees(np.median(distances[seen][share == i]))) for i in range(5)]
    return found


def _both(squares: Sequence[np.ndarray], share: np.ndarray) -> dict[str, list[float | None]]:
    scaled = [s * EV_TO_KCAL_MOL**2 for s in squares]
    return dict(zip(("before", "after"), (rms_in(s, share) for s in scaled), strict=True))


def _rms(squares: np.ndarray) -> float:
    return float(np.sqrt(squares.mean()) * EV_TO_KCAL_MOL)
