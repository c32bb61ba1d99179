"""Checks of the tables: counts, roles, folds, draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from mfbench.audit.checks.check import Subject
from mfbench.data.split import ROLES, Fold, Split, Task
from mfbench.errors import DataError

__all__ = ["counts", "draws", "folds", "roles"]


def counts(subject: Subject) -> str:
    """The manifest counts what is there. Counts of other things are not looked at."""
    stated, found = subject.split.manifest.counts, _count(subject.split)
    compared = [name for name in found if name in stated]
    if not {"families", "configurations"} <= set(compared):
        raise DataError("the manifest does not count families and configurations")
    for name in compared:
        if stated[name] != found[name]:
            raise DataError(f"{name}: the manifest says {stated[name]}, the tables hold {found[name]}")
    return ", ".join(f"{found[name]:,} {name.replace('_', ' ')}" for name in compared)


def _count(split: Split) -> dict[str, int]:
    return {
        "families": len(split.tasks),
        **{f"{fold}_families": len(split.fold(fold)) for fold in Fold},
        "fragments": len({name for task in split.tasks for name in task.graphs}),
        "graphs": len({graph for task in split.tasks for graph in task.graphs.values()}),
        "configurations": sum(len(task.everything) for task in split.tasks),
    }


def roles(subject: Subject) -> str:
    """Each stored configuration of a family has one role; support and query share no trajectory."""
    stored = {
        str(name): set(ids) for name, ids in subject.tables.stored.groupby("fragment_id")["config_id"]
    }
    total = 0
    for task in subject.split.tasks:
        total += _family_roles(task, stored)
    return f"{total:,} roles in {len(subject.split.tasks)} families: each configuration has one"


def _family_roles(task: Task, stored: dict[str, set[str]]) -> int:
    named = [(c, role) for role in ROLES for c in getattr(task, role)]
    if not task.support:
        raise DataError(f"{task.family_id} has no support configuration")
    if not (task.query or task.heldout):
        raise DataError(f"{task.family_id} has neither query nor held-out configurations")
    given: dict[str, str] = {}
    for c, role in named:
        if c.config_id in given:
            raise DataError(
                f"{task.family_id}: {c.config_id} has two roles ({given[c.config_id]} and {role})"
            )
        given[c.config_id] = role
    # A trajectory of the query may serve nothing else: its frames are kin of one another.
    trajectory = _in_two((c.trajectory_id, role) for c, role in named)
    if trajectory:
        raise DataError(
            f"{task.family_id}: trajectory {trajectory[0]} is in {trajectory[1]} and {trajectory[2]}"
        )
    pool = {c.fragment_id for c in task.support}
    for c, role in named:
        apart = role in ("heldout", "larger")
        if (c.fragment_id in pool) == apart:
            where = "is in the pool" if apart else "is not in the pool"
            raise DataError(f"{task.family_id}: {role} {c.config_id}: its fragment {where}")
    for fragment in () if task.level else task.graphs:  # at a level, what is labelled has a role
        lacking = sorted(stored.get(fragment, set()) - given.keys())
        if lacking:
            raise DataError(f"{task.family_id}: {lacking[0]} is stored but has no role")
    return len(named)


def folds(subject: Subject) -> str:
    """Folds share no family, fragment or trajectory; no entry and no 30 % cluster where tables name them.

    A construction that groups one protein into several families says so in its recipe:
    ``folds_disjoint_in`` lists what its folds are disjoint in, of ``entries`` and ``clusters``.
    """
    split = subject.split
    twice = [name for name, n in Counter(task.family_id for task in split.tasks).items() if n > 1]
    if twice:
        raise DataError(f"family {twice[0]} is listed twice")
    owners: dict[str, Iterable[tuple[str, Fold]]] = {
        "fragment": ((f, t.fold) for t in split.tasks for f in t.graphs),
        "trajectory": (
            (name, t.fold) for t in split.tasks for name in {c.trajectory_id for c in t.everything}
        ),
    }
    wanted = split.manifest.recipe.get("folds_disjoint_in", ("entries", "clusters"))
    families = subject.tables.families
    if "entries" in wanted and "proteins" in families:
        owners["entry"] = ((p.split("_")[0], fold) for p, fold in _listed(subject, "proteins"))
    if "clusters" in wanted and "cluster30" in families:
        owners["30 % cluster"] = _listed(subject, "cluster30")
    for what, pairs in owners.items():
        shared = _in_two(pairs)
        if shared:
            raise DataError(f"{what} {shared[0]} is in the folds {shared[1]} and {shared[2]}")
    return f"share no family, {', '.join(owners)}"


def _listed(subject: Subject, column: str) -> Iterator[tuple[str, Fold]]:
    for task in subject.split.tasks:
        for name in subject.tables.families[column].loc[task.family_id]:
            yield str(name), task.fold


def draws(subject: Subject) -> str:
    """The first K of a draw are its support at K: distinct, inside the pool, no draw twice."""
    shapes: Counter[tuple[int, ...]] = Counter()
    for task in subject.split.tasks:
        n, length = task.draws.shape
        for number, row in enumerate(task.draws.tolist()):
            if not all(0 <= i < len(task.support) for i in row):
                raise DataError(f"{task.family_id}: draw {number} leaves the support pool")
            if len(set(row)) < length:
                again = next(i for i, count in Counter(row).items() if count > 1)
                name = task.support[again].config_id
                raise DataError(f"{task.family_id}: draw {number} holds {name} twice")
        if len({tuple(row) for row in task.draws.tolist()}) < n:
            raise DataError(f"{task.family_id}: two of its draws are the same")
        shapes[n, length] += 1
    text = ", ".join(f"{n} draws of {k} ({count} families)" for (n, k), count in shapes.items())
    return f"{text}: distinct and inside the pool"


def _in_two(pairs: Iterable[tuple[str, str]]) -> tuple[str, str, str] | None:
    """The first key with two owners, and these two."""
    owner: dict[str, str] = {}
    for key, value in pairs:
        if owner.setdefault(key, value) != value:
            return key, str(owner[key]), str(value)
    return None
