"""The fresh test: deposited weights on configurations that nobody has seen, against what was claimed.

The question is whether *these weights made these errors* on *these families*. So families and support
sets are the published ones, and only the query is new. Claimed and fresh errors are compared fragment
by fragment; their uncertainty is a bootstrap over the fragments of each family. Two ratios: that of the
errors as the board shows them, which notices if only the worst fragments were flattered, and the
*typical* one, a geometric mean over fragments, which one odd trajectory hardly moves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mfbench.data.configuration import Configuration
from mfbench.data.split import Fold, Split
from mfbench.errors import SubmissionError
from mfbench.protocol.cost import code_version, hardware
from mfbench.protocol.episode import Episode
from mfbench.protocol.protocol import Protocol
from mfbench.protocol.run_episode import run_episode
from mfbench.results.episode_errors import EpisodeErrors, errors_of
from mfbench.store.deposited import deposited_method
from mfbench.store.fresh_test.compare import COMPARED, SquareErrors, compare, overall_verdict
from mfbench.store.fresh_test.outside import compare_outside
from mfbench.store.fresh_test.record import FreshTestRecord, Outside, OutsideComparison
from mfbench.submission.checked import Checked

__all__ = ["fresh_test"]


def fresh_test(
    name: str,
    checked: Checked,
    fresh: Mapping[str, Sequence[Configuration]],
    *,
    ks: Sequence[int],
    draws: int,
    seed_commitment: str,
    outside: Mapping[str, Sequence[Configuration]] | None = None,
) -> FreshTestRecord:
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
    split = checked.reference.split
    outside = {family: found for family, found in (outside or {}).items() if found and family in fresh}
    new = {family: {c.fragment_id: c.graph_id for c in found} for family, found in outside.items()}
    heldout = {t.family_id: {c.fragment_id for c in t.heldout} for t in split.test}
    asked = _asking(split, {f: (*found, *outside.get(f, ())) for f, found in fresh.items()}, new)
    comparisons, beyond = [], []
    with tempfile.TemporaryDirectory() as folder:
        method = deposited_method(checked.card, split, checked.weights, Path(folder))
        run = checked.card.run
        for k in ks:
            claimed, measured = SquareErrors(), SquareErrors()
            protocol = Protocol.of(asked, ks=[k], draws=draws, budget=run.budget, families=list(fresh))
            for episode in protocol.episodes(asked, run.selected_rows):
                family = episode.family_id
                fragments = {c.fragment_id for c in fresh[family]}
                record = run_episode(method, episode, budget=run.budget, seed=run.seed)
                if record.failure:
                    raise SubmissionError("weights", f"the deposited weights fail: {record.failure}")
                measured.add(episode, errors_of(episode, record), fragments | set(new.get(family, ())))
                claimed.add(*_claimed(checked, episode.key), fragments | heldout[family])
            errors = claimed.errors(), measured.errors()
            comparisons += compare(*errors, k)
            beyond += compare_outside(*errors, split.test, new, k, COMPARED)
    return FreshTestRecord(
        submission=name,
        weights_sha256=checked.card.weights_sha256 or "",
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
        verdict=overall_verdict(comparisons),
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


def _asking(
    split: Split, queries: Mapping[str, Sequence[Configuration]], graphs: Mapping[str, Mapping[str, str]]
) -> Split:
    """The split with other queries, and the graphs of fragments that it did not know; pools stay."""
    tasks = [
        replace(
            task,
            query=tuple(queries[task.family_id]),
            heldout=(),
            larger=(),
            graphs={**task.graphs, **graphs.get(task.family_id, {})},
        )
        if task.fold == Fold.TEST and task.family_id in queries
        else task
        for task in split.tasks
    ]
    return replace(split, tasks=tuple(tasks))


def _claimed(checked: Checked, key: tuple[str, int, int]) -> tuple[Episode, EpisodeErrors]:
    for episode, record in zip(checked.reference.episodes, checked.errors, strict=True):
        if episode.key == key and record.failure is None:
            return episode, record
    family, k, draw = key
    raise SubmissionError("coverage", f"it has no predictions for {family}, K = {k}, draw {draw}")
