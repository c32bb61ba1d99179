"""Checks of the geometries: lengths in Å, no near-twins, queries as far from support as fresh sampling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from mfbench.audit.checks.check import Subject
from mfbench.audit.checks.labels import everything
from mfbench.audit.checks.unit_advice import length_advice
from mfbench.audit.near_duplicates import NEAR_TWIN, twin_statistics
from mfbench.data.alignment import aligned_rmsd
from mfbench.data.configuration import Configuration
from mfbench.data.split import Task
from mfbench.errors import DataError

__all__ = ["independence", "lengths", "near_twins"]

SHORTEST = (0.6, 1.7)
"""Å, the shortest interatomic distance of a configuration: bohr and nm fall outside."""
RATIO = 0.9
"""Query may not be nearer to support than this multiple of its distance to other query trajectories."""


def lengths(subject: Subject) -> str:
    """Positions are in Å."""
    seen = []
    for c in everything(subject.split):
        apart = np.linalg.norm(c.positions[:, None] - c.positions[None], axis=-1)
        shortest = float(np.min(apart[np.triu_indices(len(c), 1)], initial=np.inf))
        if len(c) > 1 and not SHORTEST[0] <= shortest <= SHORTEST[1]:
            raise DataError(
                f"{c.config_id}: its shortest distance is {shortest:.3f} Å: not in Å, or broken"
                f"{length_advice(shortest)}"
            )
        seen.append(shortest)
    return f"shortest distance of a configuration {min(seen):.3f} to {max(seen):.3f} Å"


def near_twins(subject: Subject) -> str:
    """No support-query pair of a fragment is closer than ``NEAR_TWIN`` after alignment."""
    found = [_closest(task) for task in subject.split.tasks]
    distance, one, other = min(found)
    if distance < NEAR_TWIN:
        raise DataError(f"{one} (query) and {other} (support) are near-twins: {distance:.3f} Å apart")
    return f"closest support-query pair {distance:.3f} Å (bound {NEAR_TWIN:.2f} Å)"


def independence(subject: Subject) -> str:
    """Query is as far from support trajectories as from other query trajectories (medians, pooled)."""
    tasks = subject.split.tasks
    found = twin_statistics([c for t in tasks for c in t.support], [c for t in tasks for c in t.query])
    ratio = found["ratio"]
    if not np.isfinite(ratio):
        raise DataError("no fragment has two query trajectories of one sampler: nothing to compare with")
    text = (
        f"query to support {found['median_to_support_trajectory_A']:.3f} Å, to other query trajectories "
        f"{found['median_to_query_trajectory_A']:.3f} Å (medians of nearest): ratio {ratio:.3f}"
    )
    if ratio < RATIO:
        raise DataError(f"{text} is below {RATIO}")
    return text


def _closest(task: Task) -> tuple[float, str, str]:
    """Distance in Å and ids of the closest query-support pair of one fragment."""
    support, query = _by_fragment(task.support), _by_fragment(task.query)
    best = (np.inf, "", "")
    for fragment in support.keys() & query.keys():
        known = np.array([c.positions for c in support[fragment]])
        for c in query[fragment]:
            distances = aligned_rmsd(c.positions, known)
            nearest = int(distances.argmin())
            best = min(best, (float(distances[nearest]), c.config_id, support[fragment][nearest].config_id))
    return best


def _by_fragment(configurations: Sequence[Configuration]) -> dict[str, list[Configuration]]:
    found: dict[str, list[Configuration]] = defaultdict(list)
    for c in configurations:
        found[c.fragment_id].append(c)
    return found
