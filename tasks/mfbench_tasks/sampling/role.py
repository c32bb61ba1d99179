"""What a configuration is for: support, query, held out, or a larger cut."""

from __future__ import annotations

from enum import StrEnum

from mfbench.errors import DataError

__all__ = ["Role", "stored_role"]


class Role(StrEnum):
    """Role of a configuration in a family, as the table of roles writes it."""

    SUPPORT = "support"
    QUERY = "query"
    HELDOUT = "heldout"
    LARGER = "larger"


_STORED = {"s": Role.SUPPORT, "d": Role.SUPPORT, "q": Role.QUERY}
"""Trajectories are numbered s0, s1, …; those of a deep pool d0, d1, …; those of the query q0, q1, …"""


def stored_role(trajectory_id: str) -> Role:
    """Support or query: what a trajectory on disk was sampled for.

    A block of a pool has no column of roles, and serves several constructions: its trajectories' names
    are all that tells. This is the one place that reads them.

    Raises:
        DataError: no sampler gives such a name.
    """
    role = _STORED.get(trajectory_id.rpartition("/")[2][:1])
    if role is None:
        raise DataError(f"trajectory {trajectory_id} is neither support nor query: which sampler made it?")
    return role
