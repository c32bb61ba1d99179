"""One episode: a support set of K configurations, and the query with its subsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.split import Split, Task, as_split
from mfbench.errors import ProtocolError, UnknownNameError

__all__ = ["SUBSETS", "Episode", "check_request", "check_rows", "draw_episode"]

SUBSETS = ("all", "seen", "unseen", "novel", "larger")


@dataclass(frozen=True, eq=False)
class Episode:
    """What a method is tested on once.

    Attributes:
        split, family_id: where it comes from.
        k, draw: size of the support set, and which published draw.
        support: K labelled configurations.
        query: labelled query configurations (the harness blinds them before ``predict``).
        subsets: subset → [n_query] bool. ``seen``: the molecular graph is in this support set;
            ``unseen``: it is not; ``novel``: it is absent from meta-train. ``larger``: larger cuts, which
            belong to no other subset.
        fragments: [n_query] fragment ids, for within-fragment errors.
    """

    split: str
    family_id: str
    k: int
    draw: int
    support: tuple[Configuration, ...]
    query: tuple[Configuration, ...]
    subsets: dict[str, np.ndarray]
    fragments: np.ndarray

    @property
    def key(self) -> tuple[str, int, int]:
        """Family, K and draw: unique within a run."""
        return (self.family_id, self.k, self.draw)


def check_request(tasks: Sequence[Task], ks: Sequence[int], n_draws: int) -> None:
    """Refuse a K or a number of draws that the published indices cannot give.

    Raises:
        ProtocolError: names the value and the bound.
    """
    for task in tasks:
        draws, pool = task.draws.shape
        for k in ks:
            if k < 0 or k > pool:
                raise ProtocolError(
                    f"K = {k} is not possible: the published draws of {task.family_id} hold "
                    f"{pool} configurations; choose K between 0 and {pool}"
                )
        if not 1 <= n_draws <= draws:
            raise ProtocolError(f"{n_draws} draws are not published: choose 1 to {draws}")


def check_rows(rows: Sequence[int], k: int, pool: int) -> None:
    """Refuse a selection that is not K distinct rows of a pool.

    Raises:
        ProtocolError: says what is wrong.
    """
    if len(rows) != k or len(set(rows)) != k:
        raise ProtocolError(
            f"{len(rows)} rows, {len(set(rows))} of them distinct, are no support at K = {k}"
        )
    if rows and not (min(rows) >= 0 and max(rows) < pool):
        raise ProtocolError(f"rows {min(rows)} to {max(rows)} are not all in a pool of {pool}")


def draw_episode(
    split: str | Path | Split,
    task: str | Task,
    k: int,
    draw: int,
    *,
    support_of: str | Task | None = None,
    reference_labels: bool = False,
    rows: Sequence[int] | None = None,
) -> Episode:
    """The episode (K, draw) of a task, from the published support indices; draw 0 is the first.

    Args:
        split: a name, a folder, or a loaded ``Split``.
        task: a family of it, or its name.
        k, draw: size of the support set, and which.
        support_of: take the support set of another family instead (the wrong-family control).
        reference_labels: give the support the labels of the split's level of theory, not those of the
            task's own (the wrong-level control).
        rows: K distinct rows of the support pool instead of the published ones.

    Raises:
        ProtocolError: K or the draw is not published, the rows are none of the pool, or the task has no
            level of its own.
        UnknownNameError: no such split or family.
    """
    split = as_split(split)
    task = _task(split, task)
    source = task if support_of is None else _task(split, support_of)
    check_request([source], [k], draw + 1)
    if reference_labels and not source.reference:
        raise ProtocolError(f"{source.family_id} has no level of its own: its labels are the reference's")
    pool = source.reference if reference_labels else source.support
    chosen = source.draws[draw, :k].tolist() if rows is None else list(rows)
    if rows is not None:
        check_rows(chosen, k, len(pool))
    support = tuple(pool[i] for i in chosen)
    query = (*task.query, *task.heldout, *task.larger)
    larger = np.arange(len(query)) >= len(query) - len(task.larger)
    graphs = np.array([task.graphs[c.fragment_id] for c in query])
    seen = np.isin(graphs, list({source.graphs[c.fragment_id] for c in support}))
    subsets = {
        "all": ~larger,
        "seen": seen & ~larger,
        "unseen": ~seen & ~larger,
        "novel": ~np.isin(graphs, list(split.train_graphs)) & ~larger,
        "larger": larger,
    }
    fragments = np.array([c.fragment_id for c in query])
    return Episode(split.name, task.family_id, k, draw, support, query, subsets, fragments)


def _task(split: Split, task: str | Task) -> Task:
    if isinstance(task, Task):
        return task
    for known in split.tasks:
        if known.family_id == task:
            return known
    raise UnknownNameError(f"{split.name} has no family '{task}'")
