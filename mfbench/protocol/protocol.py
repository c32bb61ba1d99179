"""The protocol: which episodes a method runs, with which labels, and with what budget.

Two runs are comparable when their protocols are equal. The standard values are here and nowhere else,
and so is the order of the episodes: family, then K, then draw, with one draw at K = 0 (an empty support).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Self, TypeVar

from mfbench.data.split import Fold, Split, Task
from mfbench.errors import ProtocolError, UnknownNameError
from mfbench.protocol.episode import Episode, check_request, draw_episode
from mfbench.protocol.exclusion import Exclusion

__all__ = [
    "PROTOCOL_VERSION",
    "STANDARD_DRAWS",
    "STANDARD_K",
    "Budget",
    "EpisodeId",
    "Protocol",
    "Selector",
    "Support",
    "Track",
    "standard_draws",
    "standard_ks",
    "track_named",
    "track_of",
]

_Name = TypeVar("_Name", bound=StrEnum)

PROTOCOL_VERSION = 1
"""Raised whenever the same predictions would score differently."""
STANDARD_K = (0, 5, 10, 20, 50, 100)
"""Support sizes; a split whose published draws are shorter has those that it can give."""
STANDARD_DRAWS = 5
"""Published support sets per family and K."""


@dataclass(frozen=True)
class Budget:
    """What adaptation may spend; by default, that of the standard track.

    Attributes:
        steps: gradient steps. 0 leaves what is solved in closed form.
        batch: configurations per step.
    """

    steps: int = 20
    batch: int = 16

    def within(self, other: Budget) -> bool:
        """Whether ``other`` allows it."""
        return self.steps <= other.steps and (self.batch <= other.batch or not self.steps)


class Track(StrEnum):
    """Which budget adaptation has, from the narrowest on. Rows of one track are compared with each other.

    In ``converged``, adaptation is stopped early by the same rule for every method; ``long`` is an older
    track between it and ``standard``.
    """

    CLOSED_FORM = "closed-form"
    STANDARD = "standard"
    LONG = "long"
    CONVERGED = "converged"
    OPEN = "open"

    @property
    def budget(self) -> Budget | None:
        """The most that it allows; None: no limit."""
        return _BUDGETS[self]

    def admits(self, budget: Budget) -> bool:
        """Whether a run with this budget may be shown in the track."""
        return self.budget is None or budget.within(self.budget)

    def describe(self) -> str:
        """Its budget in words, for help texts and the board."""
        if self.budget is None:
            return "any budget, declared"
        if not self.budget.steps:
            return "no gradient step"
        return f"at most {self.budget.steps:,} gradient steps of at most {self.budget.batch} configurations"


_BUDGETS: Mapping[Track, Budget | None] = {
    Track.CLOSED_FORM: Budget(steps=0),
    Track.STANDARD: Budget(),
    Track.LONG: Budget(steps=300),
    Track.CONVERGED: Budget(steps=2000, batch=4),
    Track.OPEN: None,
}


def track_of(budget: Budget) -> Track:
    """The narrowest track that admits a budget: what a run that names no track belongs to."""
    return next(track for track in Track if track.admits(budget))


def track_named(name: str) -> Track:
    """A track by its name.

    Raises:
        UnknownNameError: there is none.
    """
    return _named(Track, name, "track")


class Support(StrEnum):
    """Which labels a method adapts to: the task's own, or, as a control, those of the next family, or
    those of the same configurations at the split's reference level of theory."""

    OWN = "own"
    WRONG_FAMILY = "wrong-family"
    WRONG_LEVEL = "wrong-level"

    def describe(self) -> str:
        """In words, for a heading."""
        return {
            Support.OWN: "its own support",
            Support.WRONG_FAMILY: "support from a wrong family",
            Support.WRONG_LEVEL: "support with labels of a wrong level",
        }[self]


class Selector(StrEnum):
    """Who chooses the support out of the pool: the published draws, or a rule that sees geometries.

    ``farthest``: each the farthest from those before; ``uncertainty``: where a committee of the method,
    adapted to what is labelled, disagrees most, in rounds that double; ``method``: its own ``select``.
    """

    RANDOM = "random"
    FARTHEST = "farthest"
    UNCERTAINTY = "uncertainty"
    METHOD = "method"


class EpisodeId(NamedTuple):
    """Names one episode of a run.

    Attributes:
        family_id, k, draw: unique within a run.
        support_family: whose support set it is.
        reference_labels: whether its labels are those of the reference level.
    """

    family_id: str
    k: int
    draw: int
    support_family: str
    reference_labels: bool


@dataclass(frozen=True)
class Protocol:
    """What is run on a split. Make one with ``Protocol.of``, which fills in and checks.

    Attributes:
        split, data_hash: the data.
        ks: support sizes, ascending.
        draws: published support sets per family and K, from the first.
        track, budget: what adaptation may spend; the track admits the budget.
        fold: whose families are tested.
        support: whose labels are given.
        families: only these of the fold; None: all.
        exclusion: what was left out of the split before the run; None: nothing.
        selector: who chooses the support.
        version: of the rules.
    """

    split: str
    data_hash: str
    ks: tuple[int, ...]
    draws: int
    track: Track = Track.STANDARD
    budget: Budget = Budget()
    fold: Fold = Fold.TEST
    support: Support = Support.OWN
    families: tuple[str, ...] | None = None
    exclusion: Exclusion | None = None
    selector: Selector = Selector.RANDOM
    version: int = PROTOCOL_VERSION

    @classmethod
    def of(
        cls,
        split: Split,
        *,
        ks: Sequence[int] | None = None,
        draws: int | None = None,
        track: str | None = None,
        budget: Budget | None = None,
        fold: str = Fold.TEST,
        support: str = Support.OWN,
        families: Sequence[str] | None = None,
        level: str | None = None,
        exclusion: Exclusion | None = None,
        selector: str = Selector.RANDOM,
    ) -> Self:
        """A protocol for a split, with the standard values for whatever is not given.

        Args:
            split: less what ``exclusion`` names.
            ks: support sizes, in any order. Default: the standard ones that the split can give.
            draws: per family and K. Default: the standard number, or all if fewer are published.
            track: a name of ``Track``. Default: the narrowest that admits the budget.
            budget: at most the track's. Default: the track's, or the standard one.
            fold, support, families, exclusion, selector: see the attributes.
            level: only tasks at this level of theory; they become ``families``.

        Raises:
            UnknownNameError: there is no such track, fold, support, selector, family or level.
            ProtocolError: the split cannot give these episodes, or the track does not admit the budget.
        """
        tasks = _tasks(split, _named(Fold, fold, "fold"), families)
        if level is not None:
            tasks = _at_level(tasks, level)
        if ks is not None and not len(ks):
            some = ", ".join(map(str, STANDARD_K))
            raise ProtocolError(f"no support size was given: choose some of {some}")
        found_ks = standard_ks(tasks) if ks is None else tuple(sorted({int(k) for k in ks}))
        found_draws = standard_draws(tasks) if draws is None else draws
        check_request(tasks, found_ks, found_draws)
        found_support = _named(Support, support, "support")
        if found_support is Support.WRONG_FAMILY and len(tasks) < 2:
            raise ProtocolError("support from a wrong family needs two families in the fold")
        if found_support is Support.WRONG_LEVEL and not all(task.reference for task in tasks):
            raise ProtocolError(
                f"support at the wrong level needs tasks with a level of their own: the {fold} fold of "
                f"{split.name} has none such; that of levels has"
            )
        named = None if track is None else track_named(track)
        budget = budget or (named and named.budget) or Budget()
        named = named or track_of(budget)
        if not named.admits(budget):
            raise ProtocolError(
                f"{budget.steps} steps of {budget.batch} are not the {named} track "
                f"({named.describe()}) but {track_of(budget)}: set --track {track_of(budget)}"
            )
        return cls(
            split=split.name,
            data_hash=split.manifest.data_hash,
            ks=found_ks,
            draws=found_draws,
            track=named,
            budget=budget,
            fold=Fold(fold),
            support=found_support,
            families=None if families is level is None else tuple(task.family_id for task in tasks),
            exclusion=exclusion,
            selector=_named(Selector, selector, "selector"),
        )

    def episode_ids(self, split: Split) -> list[EpisodeId]:
        """Every episode by name, in order.

        Raises:
            ProtocolError: ``split`` is of another version of the data.
        """
        if split.manifest.data_hash != self.data_hash:
            raise ProtocolError(
                f"the protocol is of another version of {self.split} (data {self.data_hash[:12]}, here "
                f"{split.manifest.data_hash[:12]}): evaluate again"
            )
        tasks = _tasks(split, self.fold, self.families)
        shift = 1 if self.support is Support.WRONG_FAMILY else 0
        wrong = self.support is Support.WRONG_LEVEL
        return [
            EpisodeId(task.family_id, k, draw, tasks[(i + shift) % len(tasks)].family_id, wrong)
            for i, task in enumerate(tasks)
            for k in self.ks
            for draw in range(self.draws if k else 1)
        ]

    def episodes(
        self, split: Split, selected: Mapping[tuple[str, int, int], Sequence[int]] | None = None
    ) -> Iterator[Episode]:
        """Every episode, drawn one after another, in the order of ``episode_ids``.

        Args:
            split: the data.
            selected: rows of the support pool by episode, where they are not the published ones.

        Raises:
            ProtocolError: see ``episode_ids``.
        """
        tasks = {task.family_id: task for task in split.tasks}
        for name in self.episode_ids(split):
            source = tasks[name.support_family]
            rows = (selected or {}).get(name[:3])
            yield draw_episode(
                split,
                tasks[name.family_id],
                name.k,
                name.draw,
                support_of=source,
                reference_labels=name.reference_labels,
                rows=rows,
            )

    def request(self) -> dict[str, Any]:
        """What ``run.json`` keeps of it, as plain values."""
        return {
            "split": self.split,
            "data_hash": self.data_hash,
            "ks": list(self.ks),
            "draws": self.draws,
            "fold": str(self.fold),
            "support": str(self.support),
            "budget": asdict(self.budget),
            "track": str(self.track),
            "exclude": asdict(self.exclusion) if self.exclusion else None,
            "families": None if self.families is None else list(self.families),
            "protocol": self.version,
            **({} if self.selector is Selector.RANDOM else {"selector": str(self.selector)}),
        }


def standard_ks(tasks: Sequence[Task]) -> tuple[int, ...]:
    """The standard support sizes that the published draws of all these families hold."""
    largest = min(task.draws.shape[1] for task in tasks)
    return tuple(k for k in STANDARD_K if k <= largest)


def standard_draws(tasks: Sequence[Task]) -> int:
    """The standard number of draws, or as many as are published for all these families."""
    return min(STANDARD_DRAWS, *(len(task.draws) for task in tasks))


def _tasks(split: Split, fold: Fold, families: Sequence[str] | None) -> tuple[Task, ...]:
    tasks = split.fold(fold)
    if not tasks:
        raise ProtocolError(f"{split.name} has no {fold} families")
    if families is None:
        return tasks
    known = [task.family_id for task in tasks]
    for name in families:
        if name not in known:
            raise UnknownNameError(f"the fold has no family '{name}': choose from {', '.join(known)}")
    return tuple(task for task in tasks if task.family_id in families)


def _at_level(tasks: Sequence[Task], level: str) -> tuple[Task, ...]:
    found = tuple(task for task in tasks if task.level == level)
    if not found:
        known = sorted({task.level for task in tasks if task.level})
        choices = f"choose from {', '.join(known)}" if known else "none has a level of its own"
        raise UnknownNameError(f"no task here is at the level '{level}': {choices}")
    return found


def _named(kind: type[_Name], name: str, what: str) -> _Name:
    try:
        return kind(name)
    except ValueError:
        raise UnknownNameError(f"unknown {what} '{name}': choose one of {', '.join(kind)}") from None
