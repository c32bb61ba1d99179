"""The id of a fragment: where it was cut, and for which family."""

from __future__ import annotations

import hashlib

from mfbench_tasks.fragments.cut import Fragment

__all__ = ["fragment_id", "id_in_family"]


def fragment_id(pdb_id: str, kind: str, residues: str, family_id: str) -> str:
    """``<entry>.<kind's first letter>.<residues>.<family digest>``: the same place may serve two
    families, each with its own trajectories."""
    digest = hashlib.sha256(family_id.encode()).hexdigest()[:2]
    return f"{pdb_id}.{kind[0]}.{residues}.{digest}"


def id_in_family(fragment: Fragment, family_id: str) -> str:
    """The id that a cut has where it serves a family."""
    return fragment_id(fragment.pdb_id, fragment.kind, fragment.residues, family_id)
