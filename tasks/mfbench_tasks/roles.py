"""Roles and published draws: which configurations a task may learn from, and which it is asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mfbench.configuration import Configuration
from mfbench.errors import DataError
from mfbench_tasks.seeds import stream

__all__ = ["draw", "role_of"]


def role_of(configuration: Configuration, heldout: bool) -> str:
    """support, query (other trajectories of a pool fragment) or heldout (a held-out fragment)."""
    if heldout:
        return "heldout"
    trajectory = configuration.trajectory_id.rsplit("/", 1)[1]
    return "query" if trajectory.startswith("q") else "support"


def draw(
    support: Sequence[Configuration], *, length: int, seed: int, family_id: str, number: int
) -> list[str]:
    """One draw: config ids in order; the first K are the support at K, so draws are nested.

    Fragments take turns in a random order, each giving its configurations in a random order: every K
    is spread over the fragments as evenly as it can be.

    Raises:
        DataError: the support holds fewer than ``length`` configurations.
    """
    if len(support) < length:
        raise DataError(f"family {family_id} has {len(support)} support configurations, not {length}")
    rng = stream(seed, "draw", family_id, number)
    by_fragment: dict[str, list[str]] = defaultdict(list)
    for configuration in support:
        by_fragment[configuration.fragment_id].append(configuration.config_id)
    fragments = sorted(by_fragment)
    queues = [
        [by_fragment[fragments[k]][i] for i in rng.permutation(len(by_fragment[fragments[k]]))]
        for k in rng.permutation(len(fragments))
    ]
    out: list[str] = []
    turn = 0
    while len(out) < length:
        queue = queues[turn % len(queues)]
        if queue:
            out.append(queue.pop(0))
        turn += 1
    return out
