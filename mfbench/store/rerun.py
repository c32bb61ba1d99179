"""Running a submission's method again, and comparing with the errors that are kept of it.

This is what *reproducible* means: the weights that were deposited (or those of the submission that it
names, or those that come with the split, or the recipe alone where a method has none) are adapted to the
same support sets, under the same seed, and make the same errors on the same queries.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mfbench.errors import SubmissionError
from mfbench.metrics.errors import METRICS
from mfbench.protocol.episode import Episode
from mfbench.protocol.run_episode import run_episode
from mfbench.results.episode_errors import EpisodeErrors, errors_of
from mfbench.results.score_run import episode_scores
from mfbench.store.deposited import method_of
from mfbench.store.store import Store
from mfbench.submission.checked import WEIGHT_FILES, Checked
from mfbench.submission.detectors.error_fingerprint import distance, fingerprints

__all__ = ["APART", "TOLERANCE", "Rerun", "RerunRow", "rerun", "weights_of"]

TOLERANCE = 0.02
"""Relative difference of a mean error up to which it counts as the same: another processor or backend
changes single-precision sums, and twenty steps of gradients carry that on."""
APART = 0.05
"""Distance of the force errors up to which they count as the same. Rounding to 1/32 eV/Å, as the first rows
were before they were filed, is 0.035 of an error of 6 kcal/mol/Å; another method is 0.06 away at least."""
COMPARED = ("energy_rmse", "energy_rmse_within", "force_rmse")


@dataclass(frozen=True)
class RerunRow:
    """One metric at one K: mean over the episodes that were run, as kept and as run again."""

    metric: str
    k: int
    unit: str
    kept: float
    again: float

    @property
    def same(self) -> bool:
        """Whether they agree."""
        return math.isclose(self.kept, self.again, rel_tol=TOLERANCE, abs_tol=1e-3)


@dataclass(frozen=True)
class Rerun:
    """A submission, run again.

    Attributes:
        submission: its id.
        episodes: number of episodes.
        rows: errors, kept and again.
        apart: K → distance of the force errors from those of the submission, relative to their size: 0
            where every component errs alike, 1.4 where nothing is shared. Only first draws have one.
        failures: what differs in failed episodes, in words.
    """

    submission: str
    episodes: int
    rows: list[RerunRow]
    apart: dict[int, float]
    failures: list[str]

    @property
    def reproduced(self) -> bool:
        """Whether all of it agrees."""
        close = all(value < APART for value in self.apart.values())
        return close and not self.failures and all(row.same for row in self.rows)


def weights_of(store: Store, checked: Checked) -> dict[str, bytes]:
    """The weights that a submission ran: its own, or those of the submission that it names; {} for none.

    Raises:
        StoreError: the submission that it names is not in the store.
        SubmissionError: kind ``weights``: that one has deposited none.
    """
    if checked.weights or checked.card.weights_from is None:
        return checked.weights
    files = store.read_files(checked.card.weights_from)
    found = {name: files[name] for name in WEIGHT_FILES if name in files}
    if not found:
        raise SubmissionError("weights", f"{checked.card.weights_from} has deposited no weights")
    return found


def rerun(
    store: Store,
    name: str,
    checked: Checked,
    *,
    ks: Collection[int] | None = None,
    draws: int | None = None,
    families: Collection[str] | None = None,
    tick: Callable[[int, int], None] | None = None,
) -> Rerun:
    """Run episodes of a submission again.

    Args:
        store: where it is, and the submission whose weights it ran.
        name: its id.
        checked: as read from its files.
        ks, draws, families: which episodes; all of them by default.
        tick: ``tick(done, total)`` after every episode.

    Raises:
        SubmissionError: kind ``weights``: there is nothing that could be run.
        CheckpointError: the weights are no checkpoint of its architecture.
    """
    reference, run = checked.reference, checked.card.run
    chosen = [
        (episode, kept)
        for episode, kept in zip(reference.episodes, checked.errors, strict=True)
        if (ks is None or episode.k in ks)
        and (draws is None or episode.draw < draws)
        and (families is None or episode.family_id in families)
    ]
    if not chosen:
        raise SubmissionError("coverage", f"{name} has no such episode")
    records = []
    with tempfile.TemporaryDirectory() as folder:
        method = method_of(checked.card, reference.split, weights_of(store, checked), Path(folder))
        for number, (episode, _) in enumerate(chosen):
            records.append(run_episode(method, episode, budget=run.budget, seed=run.seed))
            if tick:
                tick(number + 1, len(chosen))
    again = [errors_of(episode, record) for (episode, _), record in zip(chosen, records, strict=True)]
    pairs = [(episode, kept, new) for (episode, kept), new in zip(chosen, again, strict=True)]
    prints = fingerprints(reference, records)
    return Rerun(
        submission=name,
        episodes=len(chosen),
        rows=_rows(pairs),
        apart={
            k: distance(checked.fingerprints[k], found)[0]
            for k, found in prints.items()
            if k in checked.fingerprints and np.any(found[np.isfinite(found)])
        },
        failures=[
            f"{e.family_id}, K = {e.k}, draw {e.draw}: {kept.failure or 'no failure'} before, "
            f"{new.failure or 'no failure'} now"
            for e, kept, new in pairs
            if (kept.failure is None) != (new.failure is None)
        ],
    )


def _rows(pairs: Sequence[tuple[Episode, EpisodeErrors, EpisodeErrors]]) -> list[RerunRow]:
    both = [
        (e.k, (episode_scores(e, kept) or {}, episode_scores(e, new) or {}))
        for e, kept, new in pairs
        if kept.failure is None and new.failure is None
    ]
    return [
        RerunRow(
            metric,
            k,
            METRICS[metric].unit,
            *(float(np.mean([scores[i]["all"][metric] for at, scores in both if at == k])) for i in (0, 1)),
        )
        for k in sorted({k for k, _ in both})
        for metric in COMPARED
    ]
