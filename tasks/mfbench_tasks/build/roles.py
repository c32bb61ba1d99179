"""Roles and published draws: which configurations a task may learn from, and which it is asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from mfbench.errors import DataError
from mfbench_tasks.seeds import stream

__all__ = ["Members", "Named", "draw", "draw_rows", "role_of", "role_rows"]


class Named(Protocol):
    """A configuration, or what names one."""

    config_id: str
    fragment_id: str
    trajectory_id: str


Members = Mapping[str, Sequence[tuple[Named, str]]]
"""Family → its configurations, each with its fragment's place there: pool, heldout or larger."""


def role_of(configuration: Named, place: str) -> str:
    """support or query (other trajectories) of a pool fragment; of others their place is their role."""
    if place != "pool":
        return place
    trajectory = configuration.trajectory_id.rsplit("/", 1)[1]
    return "query" if trajectory.startswith("q") else "support"


def draw(support: Sequence[Named], *, length: int, seed: int, family_id: str, number: int) -> list[str]:
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


def role_rows(members: Members) -> list[dict]:
    """Rows of the table of roles."""
    return [
        {"family_id": family_id, "config_id": c.config_id, "role": role_of(c, place)}
        for family_id, found in members.items()
        for c, place in found
    ]


def draw_rows(
    members: Members, *, draws: int, length: int, seed: int, deep: Mapping[str, int] | None = None
) -> list[dict]:
    """Rows of the table of draws.

    Args:
        deep: longer draws of some families.

    Raises:
        DataError: a family's support holds fewer than ``length`` configurations.
    """
    rows = []
    for family_id, found in members.items():
        support = [c for c, place in found if role_of(c, place) == "support"]
        wanted = (deep or {}).get(family_id, length)
        for number in range(draws):
            ids = draw(support, length=wanted, seed=seed, family_id=family_id, number=number)
            rows += [
                {"family_id": family_id, "draw": number, "rank": rank, "config_id": name}
                for rank, name in enumerate(ids)
            ]
    return rows
