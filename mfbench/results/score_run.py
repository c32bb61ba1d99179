"""From predictions to results: the errors of a method, and of the constant method on the same episodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mfbench.data.split import Split
from mfbench.methods.constant import constant
from mfbench.metrics.errors import episode_metrics, metrics_of_errors
from mfbench.metrics.statistics import groups_of
from mfbench.protocol.episode import Episode
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget
from mfbench.protocol.run_episode import EpisodeRecord, run_episode
from mfbench.results.episode_errors import EpisodeErrors
from mfbench.results.results import Results, Scores, aggregate, not_better, score_failures

__all__ = ["constant_records", "episode_scores", "family_groups", "score_run"]


def constant_records(split: Split, episodes: Sequence[Episode]) -> list[EpisodeRecord]:
    """What the constant method predicts on these episodes: failures and flags are measured against it."""
    line = constant(MethodContext(split))
    return [run_episode(line, episode, budget=Budget(), seed=0) for episode in episodes]


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
    constants: Sequence[EpisodeRecord] | None = None,
    costs: bool = True,
) -> Results:
    """Errors of the method and of the constant method on the same episodes.

    Args:
        split: whose families they are.
        episodes, records: in the same order; records hold predictions, or their errors.
        run: what identifies the run; stored with the results.
        constants: records of the constant method, computed here where they are not given.
        costs: also aggregate what the records say of costs.
    """
    lines = constant_records(split, episodes) if constants is None else constants
    references = [episode_scores(e, r) or {} for e, r in zip(episodes, lines, strict=True)]
    scores = [episode_scores(e, r) for e, r in zip(episodes, records, strict=True)]
    rows = score_failures(records, scores, references)
    groups = family_groups(split, [episode.family_id for episode in episodes])
    own = aggregate(split.name, rows, groups, costs=costs)
    reference = aggregate(split.name, score_failures(lines, references, references), groups, costs=False)
    return Results(
        run=run,
        episodes=rows,
        aggregate=own,
        constant=reference,
        not_better_than_constant=not_better(own, reference),
    )
