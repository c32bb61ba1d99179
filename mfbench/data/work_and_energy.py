"""Do forces follow energies? What forces do between near configurations, and what energies say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration

__all__ = ["work_and_energy"]

_FRAGMENTS = 300
_NEAR = 0.25
"""Share of the pairs, the nearest, along which forces are followed."""


def work_and_energy(configurations: Sequence[Configuration]) -> tuple[np.ndarray, np.ndarray]:
    """Work of the mean force from one configuration of a fragment to its nearest, and the difference of
    their energies: [n] each, over the nearest quarter of all pairs. In one unit they are one number."""
    groups: dict[tuple[str, str], list[Configuration]] = defaultdict(list)
    for c in configurations:
        groups[c.fragment_id, c.trajectory_id].append(c)
    chosen = list(groups.values())[:: max(1, len(groups) // _FRAGMENTS)]
    found: list[tuple[float, float, float]] = []
    for group in chosen:
        x = np.array([c.positions for c in group])
        apart = np.linalg.norm(x[:, None] - x[None], axis=(-1, -2)) + 1e12 * np.eye(len(x))
        for i, j in enumerate(apart.argmin(axis=1).tolist()):
            if i == j:
                continue
            step, mean = x[j] - x[i], (group[i].forces + group[j].forces) / 2
            work = -float(np.sum(mean * step))
            found.append((float(apart[i, j]), work, group[j].energy - group[i].energy))
    rows = np.array(sorted(found)).reshape(-1, 3)
    near = rows[: max(10, int(_NEAR * len(rows)))]
    return near[:, 1], near[:, 2]
