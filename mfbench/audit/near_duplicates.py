"""Near-twins: how close support and query configurations of one fragment are.

Two checks. No support-query pair may be closer than a bound. And query must not be nearer to support
than to an independent query trajectory: then support tells no more about it than fresh sampling would.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mfbench.data.alignment import aligned_rmsd
from mfbench.data.configuration import Configuration

__all__ = ["NEAR_TWIN", "independence_ratio", "nearest", "twin_statistics"]

NEAR_TWIN = 0.10
"""Å, aligned root-mean-square distance over all atoms."""


def nearest(query: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Distance of each query geometry [q, n, 3] to the nearest support geometry [s, n, 3]: [q], Å."""
    return np.array([aligned_rmsd(one, support).min() for one in query])


def independence_ratio(
    support: Mapping[str, Sequence[np.ndarray]], query: Mapping[str, Sequence[np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Distances of query configurations to support trajectories, and to other query trajectories.

    Like is compared with like: both distances are the minimum over the same number of configurations
    of one trajectory made by the same sampler as the query configuration's own.

    Args:
        support, query: of one fragment; sampler name → its trajectories, each [frames, n, 3] in Å.

    Returns:
        Paired arrays, one entry per (query configuration, other query trajectory): distance to
        support (mean over the support trajectories of that sampler) and to that query trajectory.
        The criterion is median(first) ≥ 0.9 × median(second), pooled over fragments.
    """
    to_support, to_query = [], []
    for sampler, trajectories in query.items():
        for own, other in itertools.permutations(trajectories, 2):
            rivals = support.get(sampler, ())
            frames = min([len(other), *(len(t) for t in rivals)])
            if not rivals or not frames:
                continue
            to_query.append(nearest(own, other[:frames]))
            to_support.append(np.mean([nearest(own, t[:frames]) for t in rivals], axis=0))
    if not to_query:
        return np.zeros(0), np.zeros(0)
    return np.concatenate(to_support), np.concatenate(to_query)


def twin_statistics(support: Sequence[Configuration], query: Sequence[Configuration]) -> dict[str, float]:
    """Both checks on labelled pools, of one family or of many.

    Fragments without support are left out: they have no twins there.

    Returns:
        ``closest_support_query_A``, ``median_to_support_trajectory_A``,
        ``median_to_query_trajectory_A`` and the ratio of these two, ``ratio``. NaN without data.
    """
    groups = {"support": _by_fragment(support), "query": _by_fragment(query)}
    closest, to_support, to_query = [np.nan], [np.zeros(0)], [np.zeros(0)]
    for fragment, asked in groups["query"].items():
        known = groups["support"].get(fragment)
        if known is None:
            continue
        closest.append(nearest(_flat(asked), _flat(known)).min())
        near, far = independence_ratio(known, asked)
        to_support.append(near)
        to_query.append(far)
    near, far = np.concatenate(to_support), np.concatenate(to_query)
    medians = [float(np.median(d)) if len(d) else np.nan for d in (near, far)]
    return {
        "closest_support_query_A": float(np.nanmin(closest)) if len(closest) > 1 else np.nan,
        "median_to_support_trajectory_A": medians[0],
        "median_to_query_trajectory_A": medians[1],
        "ratio": medians[0] / medians[1],
    }


def _by_fragment(
    configurations: Sequence[Configuration],
) -> dict[str, dict[str, list[np.ndarray]]]:
    """Fragment → sampler → trajectories [frames, n, 3]."""
    frames: dict[tuple[str, str, str], list[np.ndarray]] = defaultdict(list)
    for c in configurations:
        frames[c.fragment_id, c.sampler, c.trajectory_id].append(c.positions)
    out: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for (fragment, sampler, _), positions in frames.items():
        out[fragment][sampler].append(np.array(positions))
    return out


def _flat(by_sampler: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
    return np.concatenate([t for trajectories in by_sampler.values() for t in trajectories])
