"""The loop of active learning: resumed after a kill without labelling anything twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.farthest_points import fingerprints
from mfbench.errors import ProtocolError
from mfbench.learned.engine import Engine
from mfbench.own.active.select import select
from mfbench.own.fit import RECIPES, Member, Recipe, fit_member, recipe_of
from mfbench.own.starts import Start
from mfbench.work.journal import Journal

__all__ = ["MEMBERS", "ActiveResult", "ActiveSettings", "Labeller", "Round", "run_active"]

MEMBERS = 3
Labeller = Callable[[Sequence[Configuration]], Iterable[tuple[float | None, np.ndarray | None, str]]]
"""Configurations → for each: energy (eV), forces [n, 3] (eV/Å), or why there is no label."""


@dataclass(frozen=True)
class ActiveSettings:
    """How labels are asked for.

    Attributes:
        budget: labels in all.
        batch: labels per round.
        strategy: ``uncertainty``, ``farthest`` or ``random``.
        threshold: stop when no force component in the pool has a larger spread, eV/Å; 0: never.
        seed: of everything that is drawn.
        steps: gradient steps of each adaptation.
    """

    budget: int
    batch: int = 10
    strategy: str = "uncertainty"
    threshold: float = 0.0
    seed: int = 0
    steps: int = RECIPES[1].steps

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.budget < 2 or self.batch < 1:
            raise ProtocolError(
                "active learning needs a budget of at least 2 labels and a batch of at least 1"
            )


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        labels: labelled configurations before the round's own.
        asked: rows of the pool that were labelled in it.
        force_rmse: error on them before they were learned from, kcal/mol/Å; None in the first round.
        largest_spread: of a force component over the pool without labels, eV/Å; None in the first round.
    """

    labels: int
    asked: tuple[int, ...]
    force_rmse: float | None
    largest_spread: float | None


@dataclass(frozen=True, eq=False)
class ActiveResult:
    """What the loop ended with.

    Attributes:
        labelled: configurations with labels, in the order in which they were asked for.
        members: the last committee.
        rounds: all rounds: of a pool, or expeditions (``mfbench.own.active.explore``).
        failures: rows (in an expedition, numbers in the order of asking) that could not be labelled, and
            why.
        reason: why it ended: ``budget``, ``threshold`` or ``pool``; an expedition: ``budget`` or ``sure``.
    """

    labelled: tuple[Configuration, ...]
    members: tuple[Member, ...]
    rounds: tuple[Any, ...]
    failures: dict[int, str]
    reason: str


def run_active(
    pool: Sequence[Configuration],
    label: Labeller,
    start: Start,
    engine: Engine,
    settings: ActiveSettings,
    journal: Journal,
    *,
    tick: Callable[[str], None] = lambda text: None,
    look: Callable[[int, tuple[Member, ...]], None] = lambda labels, members: None,
) -> ActiveResult:
    """Label, adapt and select until the budget is spent.

    Rounds and labels are entries of ``journal``: a killed loop goes on with the round that it was in, and
    adapts again what it had adapted, from the same seed to the same weights.

    Args:
        pool: configurations without labels, of molecules whose elements the start knows.
        label: what labels them.
        start: of every adaptation.
        engine: of a backend, sized for the pool.
        settings: budget, batch, strategy.
        journal: open, of this pool, start and settings.
        tick: told what is being done.
        look: shown every committee with the number of labels that it was adapted to.
    """
    vectors = fingerprints(pool)
    recipe = recipe_of(settings.steps)
    known = journal.read(lambda data: json.loads(data))
    labels: dict[int, tuple[float, np.ndarray]] = {}
    failures: dict[int, str] = {}
    rounds: list[Round] = []
    order: list[int] = []
    members: tuple[Member, ...] = ()
    while True:
        open_rows = [i for i in range(len(pool)) if i not in labels and i not in failures]
        spreads = predicted = None
        if order:
            stored = f"round-{len(rounds):04d}" in known
            if not stored:
                tick(f"adapting to {len(order)} labels")
                members = _committee(engine, start, recipe, pool, labels, order, settings.seed)
                look(len(order), members)
                spreads, predicted = _spreads(engine, members, pool, open_rows)
        largest = None if spreads is None or not open_rows else float(spreads[open_rows].max())
        left = settings.budget - len(order) - len(failures)
        if left <= 0 or not open_rows or (largest is not None and largest < settings.threshold):
            reason = "budget" if left <= 0 else "pool" if not open_rows else "threshold"
            if not members:
                members = _committee(engine, start, recipe, pool, labels, order, settings.seed)
            return ActiveResult(
                tuple(_with(pool[i], labels[i]) for i in order), members, tuple(rounds), failures, reason
            )
        key = f"round-{len(rounds):04d}"
        if key in known:
            row = known[key]
            asked, largest = [int(i) for i in row["asked"]], row["largest_spread"]
            error_before = row["force_rmse"]
        else:
            asked = select(
                settings.strategy,
                vectors,
                open_rows,
                order,
                spreads,
                min(settings.batch, left),
                settings.seed,
            )
            error_before = None
        wanted = [i for i in asked if f"label-{i}" not in known]
        if wanted:
            tick(f"labelling {len(wanted)} configurations")
            if key not in known:  # the choice is kept before the labels, so that a kill does not change it
                known[key] = {"asked": asked, "largest_spread": largest, "force_rmse": None}
                journal.add(key, json.dumps(known[key]).encode())
            for i, (energy, forces, failure) in zip(wanted, label([pool[i] for i in wanted]), strict=True):
                entry = {
                    "energy": energy,
                    "forces": None if forces is None else np.asarray(forces).tolist(),
                    "failure": failure,
                }
                known[f"label-{i}"] = entry
                journal.add(f"label-{i}", json.dumps(entry).encode())
        before = len(order)
        for i in asked:
            entry = known[f"label-{i}"]
            if entry["forces"] is None:
                failures[i] = entry["failure"]
            else:
                labels[i] = float(entry["energy"]), np.array(entry["forces"], float)
                order.append(i)
        if predicted is not None:
            error_before = _error(predicted, labels, asked)
            known[key] = {"asked": asked, "largest_spread": largest, "force_rmse": error_before}
            journal.add(key, json.dumps(known[key]).encode())
        rounds.append(Round(before, tuple(asked), error_before, largest))
        members = ()


def _committee(
    engine: Engine,
    start: Start,
    recipe: Recipe,
    pool: Sequence[Configuration],
    labels: dict[int, tuple[float, np.ndarray]],
    order: Sequence[int],
    seed: int,
) -> tuple[Member, ...]:
    support = [_with(pool[i], labels[i]) for i in order]
    if not support:
        raise ProtocolError("not one configuration could be labelled: look at the failures")
    return tuple(fit_member(engine, start, recipe, support, seed + k) for k in range(MEMBERS))


def _spreads(
    engine: Engine, members: Sequence[Member], pool: Sequence[Configuration], rows: Sequence[int]
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """[pool] largest standard deviation of a force component (0 where labelled), and mean forces."""
    spreads, means = np.zeros(len(pool)), {}
    found = [member.predict(engine, [pool[i] for i in rows])[1] for member in members]
    for position, i in enumerate(rows):
        stack = np.stack([forces[position] for forces in found])
        spreads[i], means[i] = float(stack.std(axis=0).max()), stack.mean(axis=0)
    return spreads, means


def _error(
    predicted: dict[int, np.ndarray], labels: dict[int, tuple[float, np.ndarray]], asked: Sequence[int]
) -> float | None:
    left = [(predicted[i] - labels[i][1]).ravel() for i in asked if i in labels]
    return float(np.sqrt(np.mean(np.concatenate(left) ** 2))) * EV_TO_KCAL_MOL if left else None


def _with(configuration: Configuration, label: tuple[float, np.ndarray]) -> Configuration:
    return configuration.with_label(*label)
