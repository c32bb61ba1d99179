"""Leaving out what another split trains on, so that a model trained there is asked nothing it has seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mfbench.data.split import Split, Task, as_split
from mfbench.errors import ProtocolError

__all__ = ["Exclusion", "without_overlap"]


@dataclass(frozen=True)
class Exclusion:
    """What was left out of a fold, and why.

    Attributes:
        against: the split whose train families count.
        data_hash: of that split.
        families: left out whole: they are train families there or share a 30 % cluster with one, or
            nothing is left to ask them.
        query_configurations: left out of the other families: their fragments are trained on there.
    """

    against: str
    data_hash: str
    families: tuple[str, ...]
    query_configurations: int


def without_overlap(
    split: str | Path | Split, other: str | Path | Split, fold: str = "test"
) -> tuple[Split, Exclusion]:
    """The split without what one fold has in common with the train families of ``other``.

    Molecular graphs may still recur: that is what the stratum ``novel`` tells.

    Raises:
        ProtocolError: nothing is left.
    """
    split, other = as_split(split), as_split(other)
    names = {t.family_id for t in other.train}
    clusters = {cluster for t in other.train for cluster in t.clusters}
    fragments = {fragment for t in other.train for fragment in t.graphs}
    kept: list[Task] = []
    left_out: list[str] = []
    dropped = 0
    for task in split.tasks:
        if task.fold != fold:
            kept.append(task)
            continue
        query, heldout = (
            tuple(c for c in role if c.fragment_id not in fragments) for role in (task.query, task.heldout)
        )
        if task.family_id in names or clusters & set(task.clusters) or not (query or heldout):
            left_out.append(task.family_id)
            continue
        dropped += len(task.query) + len(task.heldout) - len(query) - len(heldout)
        kept.append(replace(task, query=query, heldout=heldout))
    exclusion = Exclusion(other.name, other.manifest.data_hash, tuple(left_out), dropped)
    if not any(task.fold == fold for task in kept):
        raise ProtocolError(
            f"every {fold} family of {split.name} overlaps with the train families of {other.name}: "
            "nothing is left to evaluate"
        )
    return replace(split, tasks=tuple(kept)), exclusion
