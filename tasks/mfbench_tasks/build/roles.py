"""Roles and published draws: which configurations a task may learn from, and which it is asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mfbench.errors import DataError
from mfbench_tasks.sampling.role import Role
from mfbench_tasks.seeds import stream

__all__ = ["Member", "Members", "draw", "draw_rows", "role_rows"]


@dataclass(frozen=True, slots=True)
class Member:
    """A configuration of a family, and what it is for."""

    config_id: str
    fragment_id: str
    role: Role


Members = Mapping[str, Sequence[Member]]
"""Family → its configurations."""


def draw(support: Sequence[Member], *, length: int, seed: int, family_id: str, number: int) -> list[str]:
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
    for member in support:
        by_fragment[member.fragment_id].append(member.config_id)
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


def role_rows(members: Members) -> list[dict[str, Any]]:
    """Rows of the table of roles, one per configuration."""
    return [
        {"family_id": family_id, "config_id": member.config_id, "role": str(member.role)}
        for family_id, found in members.items()
        for member in found
    ]


def draw_rows(
    members: Members, *, draws: int, length: int, seed: int, deep: Mapping[str, int] | None = None
) -> list[dict[str, Any]]:
    """Rows of the table of draws, one per configuration drawn.

    Args:
        deep: longer draws of some families.

    Raises:
        DataError: a family's support holds fewer than ``length`` configurations.
    """
    rows = []
    for family_id, found in members.items():
        support = [member for member in found if member.role == Role.SUPPORT]
        wanted = (deep or {}).get(family_id, length)
        for number in range(draws):
            ids = draw(support, length=wanted, seed=seed, family_id=family_id, number=number)
            rows += [
                {"family_id": family_id, "draw": number, "rank": rank, "config_id": name}
                for rank, name in enumerate(ids)
            ]
    return rows
