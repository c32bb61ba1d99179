"""What labelling a file would cost: a few of its structures are labelled and timed, the rest projected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench_tasks.labelling.entry import Entry
from mfbench_tasks.labelling.label_file import label_by_name
from mfbench_tasks.labelling.level import Level, LevelError
from mfbench_tasks.labelling.run_queue import cpu_seconds

__all__ = ["Projection", "project", "size_of"]

MOST_TIMED = 6
MORE_SECONDS = 30.0
"""Of CPU: after the smallest and the largest, more structures are timed until this is spent."""
_HYDROGEN, _OTHER = 1, 5
"""Basis functions go like this: 6 and 31 in def2-TZVP, 5 and 14 in def2-SVP, 1 and 4 in GFN2-xTB."""


@dataclass(frozen=True)
class Projection:
    """What a labelling run would cost.

    Attributes:
        structures: how many.
        atoms: of the smallest and of the largest structure.
        timed: how many were labelled for this.
        seconds: CPU seconds of one label of the smallest and of the largest.
        start_up: CPU seconds that each process takes before its labels: imports, first calls.
        core_seconds: of all, start-up of one process included.
        bounds: the same, if every structure took as little, or as much, as its neighbours that were timed.
    """

    structures: int
    atoms: tuple[int, int]
    timed: int
    seconds: tuple[float, float]
    start_up: float
    core_seconds: float
    bounds: tuple[float, float]


def size_of(configuration: Configuration) -> int:
    """What the cost of a label grows with: about its number of basis functions."""
    hydrogens = int(np.sum(configuration.atomic_numbers == 1))
    return _HYDROGEN * hydrogens + _OTHER * (len(configuration) - hydrogens)


def project(
    configurations: Sequence[Configuration],
    level: Level,
    *,
    label: Callable[[Configuration], Entry] | None = None,
    clock: Callable[[], float] = cpu_seconds,
) -> Projection:
    """Label and time the smallest structure, the largest, and some between; project the rest.

    Seconds are interpolated as a power of the size between the nearest two that were timed.

    Args:
        configurations: at least one.
        level: of theory.
        label: what a worker does; default: the level's label, engine included.
        clock: CPU seconds of this process and its children since it started.

    Raises:
        LevelError: the level cannot label one of those that are timed.
    """
    label = label or partial(label_by_name, level.name)
    ordered = sorted(configurations, key=size_of)
    chosen = np.unique(np.linspace(0, len(ordered) - 1, MOST_TIMED).round().astype(int)).tolist()

    def timed(c: Configuration) -> float:
        started = clock()
        entry = label(c)
        if entry.failure:
            raise LevelError(f"structure {entry.key} was to be timed and has no label: {entry.failure}")
        return max(clock() - started, 1e-4)

    timed(ordered[0])  # imports, and what an engine sets up once
    first = clock()
    found = {i: timed(ordered[i]) for i in dict.fromkeys((chosen[0], chosen[-1]))}
    for i in chosen[1:-1]:
        if clock() - first > MORE_SECONDS:
            break
        found[i] = timed(ordered[i])
    start_up = max(first - found[0], 0.0)
    low, usual, high = _interpolated([size_of(c) for c in ordered], found)
    return Projection(
        len(ordered),
        (min(map(len, ordered)), max(map(len, ordered))),
        len(found),
        (found[0], found[len(ordered) - 1]),
        start_up,
        start_up + usual,
        (start_up + low, start_up + high),
    )


def _interpolated(sizes: Sequence[int], timed: dict[int, float]) -> tuple[float, float, float]:
    """Least, usual and most seconds of all structures together. ``timed``: row → seconds."""
    by_size: dict[int, list[float]] = defaultdict(list)
    for row, seconds in timed.items():
        by_size[sizes[row]].append(seconds)
    known = sorted(by_size)
    means = [float(np.mean(by_size[size])) for size in known]
    usual = np.exp(np.interp(np.log(sizes), np.log(known), np.log(means)))
    near = [
        by_size[max(k for k in known if k <= size)] + by_size[min(k for k in known if k >= size)]
        for size in sizes
    ]
    return sum(map(min, near)), float(usual.sum()), sum(map(max, near))
