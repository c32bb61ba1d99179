"""From predictions to results: the errors of a method, and of the constant method on the same episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from mfbench.data.split import Split
from mfbench.methods.constant import ConstantMethod, constant
from mfbench.metrics.errors import episode_metrics, metrics_of_errors
from mfbench.metrics.statistics import groups_of
from mfbench.protocol.episode import Episode
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget
from mfbench.protocol.run_episode import EpisodeRecord, run_episode
from mfbench.results.episode_errors import EpisodeErrors
from mfbench.results.results import AggregateRow, Results, Scores, aggregate, not_better, score_failures

__all__ = ["ConstantLine", "episode_scores", "family_groups", "score_run"]


@dataclass(frozen=True, eq=False)
class ConstantLine:
    """The constant method on some episodes, computed once: failures and flags are measured against it.

    Attributes:
        split: whose families they are.
        episodes: that it predicts.
    """

    split: Split
    episodes: Sequence[Episode]

    @cached_property
    def scores(self) -> list[Scores]:
        """Of each episode, subset → metric → value."""
        return [episode_scores(e, r) or {} for e, r in zip(self.episodes, self._records, strict=True)]

    @cached_property
    def aggregate(self) -> list[AggregateRow]:
        """Means over draws and families."""
        rows = score_failures(self._records, self.scores, self.scores)
        groups = family_groups(self.split, [episode.family_id for episode in self.episodes])
        return aggregate(self.split.name, rows, groups, costs=False)

    @cached_property
    def _records(self) -> list[EpisodeRecord]:
        line = _constant_of(self.split)
        return [run_episode(line, episode, budget=Budget(), seed=0) for episode in self.episodes]


@lru_cache(maxsize=16)
def _constant_of(split: Split) -> ConstantMethod:
    """The constant method of a split, fitted once for all that is measured against it."""
    return constant(MethodContext(split))


def episode_scores(episode: Episode, record: EpisodeRecord | EpisodeErrors) -> Scores | None:
    """subset → metric → value of one episode, from predictions or from their errors; None if it failed."""
    labels = (
        np.array([c.energy for c in episode.query]),
        np.concatenate([c.forces for c in episode.query]),
        np.array([len(c) for c in episode.query]),
        episode.fragments,
        episode.subsets,
    )
    if isinstance(record, EpisodeErrors):
        return None if record.errors is None else metrics_of_errors(record.errors, *labels)
    if record.failure is not None:
        return None
    energies, forces = record.predicted
    return episode_metrics(energies, forces.astype(np.float64), *labels)


def family_groups(split: Split, families: Sequence[str]) -> dict[str, int]:
    """family → bootstrap group: families that share a 30 % cluster move together."""
    tasks = [task for task in split.tasks if task.family_id in set(families)]
    groups = groups_of([task.clusters for task in tasks]).tolist()
    return dict(zip((task.family_id for task in tasks), groups, strict=True))


def score_run(
    split: Split,
    episodes: Sequence[Episode],
    records: Sequence[EpisodeRecord | EpisodeErrors],
    run: dict[str, Any],
    *,
    constants: ConstantLine | None = None,
    costs: bool = True,
) -> Results:
    """Errors of the method and of the constant method on the same episodes.

    Args:
        split: whose families they are.
        episodes, records: in the same order; records hold predictions, or their errors.
        run: what identifies the run; stored with the results.
        constants: the constant method on these episodes, computed here where it is not given.
        costs: also aggregate what the records say of costs.
    """
    line = constants or ConstantLine(split, episodes)
    scores = [episode_scores(e, r) for e, r in zip(episodes, records, strict=True)]
    rows = score_failures(records, scores, line.scores)
    groups = family_groups(split, [episode.family_id for episode in episodes])
    own = aggregate(split.name, rows, groups, costs=costs)
    return Results(
        run=run,
        episodes=rows,
        aggregate=own,
        constant=line.aggregate,
        not_better_than_constant=not_better(own, line.aggregate),
    )
