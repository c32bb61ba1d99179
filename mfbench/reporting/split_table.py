"""A split as a text table: every family, or classes and folds of a large one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rich.table import Table

from mfbench.data.split import ROLES, Fold, Split, Task

__all__ = ["family_table", "summary_table"]


def family_table(split: Split) -> Table:
    """One row per family, fold after fold."""
    table = _table(("family", "fold", "class"), ("frag", "pool", "query", "held", "larger", "draws", "K"))
    for fold in Fold:
        for task in split.fold(fold):
            numbers = [*_counts(task), *task.draws.shape]
            table.add_row(task.family_id, str(fold), task.stratum, *map(str, numbers))
    return table


def summary_table(split: Split) -> Table:
    """One row per class and fold, with the totals of its families; draws are ranges over the families."""
    table = _table(("class", "fold"), ("families", "frag", "pool", "query", "held", "larger", "draws", "K"))
    groups: dict[tuple[str, int], list[Task]] = defaultdict(list)
    for task in split.tasks:
        groups[task.stratum, list(Fold).index(task.fold)].append(task)
    for stratum, place in sorted(groups):
        _add(table, (stratum, str(list(Fold)[place])), groups[stratum, place])
    for fold in Fold:
        if tasks := split.fold(fold):
            _add(table, ("all", str(fold)), tasks)
    return table


def _add(table: Table, names: tuple[str, ...], tasks: Sequence[Task]) -> None:
    totals = [sum(column) for column in zip(*map(_counts, tasks), strict=True)]
    ranges = [_range([t.draws.shape[axis] for t in tasks]) for axis in (0, 1)]
    table.add_row(*names, str(len(tasks)), *(f"{n:,}" for n in totals), *ranges)


def _counts(task: Task) -> tuple[int, ...]:
    """Fragments, support pool, query on the pool's fragments, on held-out ones, on larger cuts."""
    return len(task.graphs), *(len(getattr(task, role)) for role in ROLES)


def _range(values: Sequence[int]) -> str:
    return str(min(values)) if min(values) == max(values) else f"{min(values)}-{max(values)}"


def _table(names: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for title in names:
        table.add_column(title, overflow="fold")  # a long name folds, so that no number is cut
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    return table
