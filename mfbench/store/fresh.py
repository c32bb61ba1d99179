"""The fresh test: deposited weights on configurations that nobody has seen, against what was claimed.

The question is whether *these weights made these errors* on *these families*. So families and support
sets are the published ones, and only the query is new. Claimed and fresh errors are compared fragment
by fragment; their uncertainty is a bootstrap over the fragments of each family. Two ratios: that of the
errors as the board shows them, which notices if only the worst fragments were flattered, and the
*typical* one, a geometric mean over fragments, which one odd trajectory hardly moves.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.errors import SubmissionError
from mfbench.metrics.errors import METRICS, within_fragment
from mfbench.protocol.cost import code_version, hardware
from mfbench.protocol.episode import Episode, draw_episode
from mfbench.protocol.method import Budget
from mfbench.protocol.run_episode import run_episode
from mfbench.results.episode_errors import EpisodeErrors, errors_of
from mfbench.store.deposited import deposited_method
from mfbench.store.outside import compare_outside
from mfbench.store.verification import (
    RATIO_TOLERANCE,
    Comparison,
    Outside,
    OutsideComparison,
    Record,
    Verdict,
)
from mfbench.submission.checked import Checked

__all__ = ["compare", "fresh_test"]

COMPARED = ("force_rmse", "energy_rmse_within", "energy_rmse")
_RESAMPLES = 2000
_FEWEST = 5
"""Fragments without which nothing is decided."""
_WIDEST = 1.5
"""Where the typical ratio's upper bound lies below this, a claim of half the truth is excluded."""

Errors = dict[tuple[str, str], dict[str, float]]
"""(family, fragment) → metric → mean square error."""


def fresh_test(
    name: str,
    checked: Checked,
    fresh: Mapping[str, Sequence[Configuration]],
    *,
    ks: Sequence[int],
    draws: int,
    seed_commitment: str,
    outside: Mapping[str, Sequence[Configuration]] | None = None,
) -> Record:
    """Run the deposited weights on fresh queries and compare.

    Args:
        name: id of the submission.
        checked: as recomputed from its files.
        fresh: family → labelled configurations of its fragments.
        ks, draws: of the submission's own.
        seed_commitment: SHA-256 of the secret that the configurations were made under.
        outside: family → labelled configurations, with graph ids, of fragments from outside entries.

    Raises:
        SubmissionError: see ``deposited_method``; or a fresh episode failed.
    """
    fresh = {family: found for family, found in fresh.items() if found}
    if not fresh:
        raise SubmissionError("data", "no fresh configuration passed the gates: try another secret")
    split = checked.yardstick.split
    tasks = {task.family_id: task for task in split.test}
    budget = Budget(checked.card.run.steps, checked.card.run.batch)
    outside = {family: found for family, found in (outside or {}).items() if found and family in fresh}
    new = {family: {c.fragment_id: c.graph_id for c in found} for family, found in outside.items()}
    comparisons, beyond = [], []
    with tempfile.TemporaryDirectory() as folder:
        method = deposited_method(checked.card, split, checked.weights, Path(folder))
        for k in ks:
            claimed, measured = _Sums(), _Sums()
            for family, configurations in fresh.items():
                fragments = {c.fragment_id for c in configurations}
                query = (*configurations, *outside.get(family, ()))
                graphs = tasks[family].graphs | new.get(family, {})
                task = replace(tasks[family], query=query, heldout=(), larger=(), graphs=graphs)
                heldout = {c.fragment_id for c in tasks[family].heldout}
                for draw in range(draws if k else 1):
                    episode = draw_episode(split, task, k, draw)
                    record = run_episode(method, episode, budget=budget, seed=checked.card.run.seed)
                    if record.failure:
                        raise SubmissionError("weights", f"the deposited weights fail: {record.failure}")
                    measured.add(episode, errors_of(episode, record), fragments | set(new.get(family, ())))
                    claimed.add(*_claimed(checked, family, k, draw), fragments | heldout)
            errors = claimed.errors(), measured.errors()
            comparisons += compare(*errors, k)
            beyond += compare_outside(*errors, split.test, new, k, COMPARED)
    return Record(
        submission=name,
        weights_sha256=checked.card.weights_sha256,
        seed_commitment=seed_commitment,
        verified_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        code=code_version(),
        hardware=hardware(),
        families=sorted(fresh),
        fragments=len({c.fragment_id for found in fresh.values() for c in found}),
        configurations=sum(map(len, fresh.values())),
        ks=list(ks),
        draws=draws,
        comparisons=comparisons,
        verdict=_overall(comparisons),
        outside=_outside(outside, beyond) if outside else None,
    )


def _outside(found: Mapping[str, Sequence[Configuration]], comparisons: list[OutsideComparison]) -> Outside:
    fragments = {c.fragment_id for configurations in found.values() for c in configurations}
    return Outside(
        families=sorted(found),
        entries=sorted({name.split(".")[0] for name in fragments}),
        fragments=len(fragments),
        configurations=sum(map(len, found.values())),
        comparisons=comparisons,
    )


def _claimed(checked: Checked, family: str, k: int, draw: int) -> tuple[Episode, EpisodeErrors]:
    for episode, record in zip(checked.yardstick.episodes, checked.errors, strict=True):
        if episode.key == (family, k, draw) and record.failure is None:
            return episode, record
    raise SubmissionError("coverage", f"it has no predictions for {family}, K = {k}, draw {draw}")


class _Sums:
    """Square errors of fragments, collected over draws."""

    def __init__(self):
        self._found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)

    def add(self, episode: Episode, record: EpisodeErrors, fragments: set[str]) -> None:
        assert record.errors is not None
        error = record.errors.energy * EV_TO_KCAL_MOL
        within = within_fragment(error, episode.fragments)
        force = record.errors.force_square * EV_TO_KCAL_MOL**2
        for name in fragments:
            rows = episode.fragments == name
            if rows.any():
                self._found[episode.family_id, name].append(
                    {
                        "force_rmse": float(force[rows].mean()),
                        "energy_rmse_within": float(np.mean(within[rows] ** 2)),
                        "energy_rmse": float(np.mean(error[rows] ** 2)),
                    }
                )

    def errors(self) -> Errors:
        """Mean over draws."""
        return {
            key: {m: float(np.mean([row[m] for row in rows])) for m in COMPARED}
            for key, rows in self._found.items()
        }


def compare(claimed: Errors, fresh: Errors, k: int) -> list[Comparison]:
    """Every compared metric: RMSE over the fragments of a family, then the mean over families."""
    keys = sorted(set(claimed) & set(fresh))
    families = np.unique([family for family, _ in keys], return_inverse=True)[1]
    drawn = _redrawn(families, np.random.default_rng(0))
    found = []
    for metric in COMPARED:
        pairs = np.array([[claimed[key][metric], fresh[key][metric]] for key in keys])
        point = _by_family(pairs[None], families)[0]
        draws = _by_family(pairs[drawn], families)
        low, high = np.percentile(draws[..., 0].mean(axis=1), [2.5, 97.5])
        logs = 0.5 * np.log(pairs[:, 1] / pairs[:, 0])
        typical = float(np.exp(_family_means(logs[None], families)[0].mean()))
        bounds = np.exp(np.percentile(_family_means(logs[drawn], families).mean(axis=1), [2.5, 97.5]))
        whole = float(point[:, 1].mean() / point[:, 0].mean())
        wholes = np.percentile(draws[..., 1].mean(axis=1) / draws[..., 0].mean(axis=1), [2.5, 97.5])
        enough = len(keys) >= _FEWEST
        found.append(
            Comparison(
                metric=metric,
                k=k,
                unit=METRICS[metric].unit,
                claimed=float(point[:, 0].mean()),
                claimed_ci95=(float(low), float(high)),
                fresh=float(point[:, 1].mean()),
                ratio=whole,
                ratio_ci95=(float(wholes[0]), float(wholes[1])),
                typical=typical,
                typical_ci95=(float(bounds[0]), float(bounds[1])),
                verdict=_verdict(typical, *bounds, wholes[0]) if enough else Verdict.UNDECIDED,
            )
        )
    return found


def _by_family(pairs: np.ndarray, families: np.ndarray) -> np.ndarray:
    """[r, n_families, 2] root-mean-squares over the fragments of [r, n_fragments, 2]."""
    return np.sqrt(np.stack([_family_means(pairs[..., c], families) for c in (0, 1)], axis=-1))


def _family_means(values: np.ndarray, families: np.ndarray) -> np.ndarray:
    """[r, n_families] means over the fragments of [r, n_fragments]."""
    member = np.eye(families.max() + 1)[families]
    return values @ (member / member.sum(axis=0))


def _redrawn(families: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[r, n_fragments] indices: fragments drawn anew within each family. ``families`` is sorted."""
    counts = np.bincount(families)
    starts = np.cumsum(counts) - counts
    u = rng.random((_RESAMPLES, len(families)))
    return starts[families] + (u * counts[families]).astype(int)


def _verdict(typical: float, lo: float, hi: float, whole_lo: float) -> Verdict:
    if max(lo, whole_lo) > RATIO_TOLERANCE:
        return Verdict.REFUTED
    return Verdict.CONFIRMED if typical <= RATIO_TOLERANCE and hi <= _WIDEST else Verdict.UNDECIDED


def _overall(comparisons: Sequence[Comparison]) -> Verdict:
    """Refuted by any comparison; confirmed by the forces, of which there is most evidence."""
    if any(c.verdict == Verdict.REFUTED for c in comparisons):
        return Verdict.REFUTED
    forces = [c.verdict for c in comparisons if c.metric == "force_rmse"]
    return Verdict.CONFIRMED if all(v == Verdict.CONFIRMED for v in forces) else Verdict.UNDECIDED
