"""Checking a submission: files in, recomputed scores and findings out. Nothing in it is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mfbench.errors import SubmissionError
from mfbench.learned.architectures.registry import ARCHITECTURES
from mfbench.metrics.errors import METRICS
from mfbench.protocol.catalogue import BACKENDS, METHODS, reference_lines
from mfbench.protocol.loading import uses_backend
from mfbench.protocol.protocol import Selector, standard_draws, standard_ks, track_of
from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.results.episode_errors import EpisodeErrors
from mfbench.results.results import AggregateRow, Results
from mfbench.results.score_run import score_run
from mfbench.submission.card import Card, read_card
from mfbench.submission.checked import FILES, PREDICTIONS_FILE, WEIGHT_FILES, Checked
from mfbench.submission.compact import ERRORS_FILE, read_compact
from mfbench.submission.detectors.compact_findings import compact_findings
from mfbench.submission.detectors.evidence import gather
from mfbench.submission.detectors.findings import Finding, Kind
from mfbench.submission.detectors.leaks import leak_findings, order_findings
from mfbench.submission.detectors.training_overlap import overlap_findings
from mfbench.submission.detectors.units import unit_findings
from mfbench.submission.predictions import read_predictions
from mfbench.submission.reference_episodes import ReferenceEpisodes, reference_episodes
from mfbench.submission.weights import check_weights

__all__ = ["check", "check_claims", "check_described", "check_registered"]

_CLAIM = 1e-3
"""Relative tolerance of claims: predictions are rounded to a grid before they are scored."""


def check(files: Mapping[str, bytes]) -> Checked:
    """Read, score and examine a submission.

    Args:
        files: name → content.

    Raises:
        SubmissionError: it cannot be scored. What the detectors find is in ``findings`` instead.
    """
    check_names(files)
    card = read_card(files["submission.yaml"])
    check_track(card)
    weights = {name: files[name] for name in WEIGHT_FILES if name in files}
    if (card.weights_sha256 is not None or weights) and len(weights) < 2:
        raise SubmissionError("weights", "weights come as weights.safetensors with weights.json beside it")
    if weights:
        check_weights(weights["weights.safetensors"], weights["weights.json"], card.weights_sha256)
    reference = reference_episodes(card.run)
    _check_failures(card, reference)
    _check_selected(card, reference)
    if ERRORS_FILE in files:
        check_registered(card)
        kept = read_compact(files[ERRORS_FILE], card, reference)
        results = _scored(card, reference, kept.episodes)
        found = compact_findings(reference, kept.episodes) + _notes(card, reference, results)
        return Checked(card, reference, [], kept, results, found, weights)
    records = read_predictions(files[PREDICTIONS_FILE], card, reference)
    results = _scored(card, reference, records)
    found = _of_predictions(reference, records) + _notes(card, reference, results)
    return Checked(card, reference, records, None, results, found, weights)


def check_registered(card: Card) -> str:
    """The method that runs a submission, by its registered name; foreign code is never run.

    Raises:
        SubmissionError: kind ``weights``: it is not registered here.
    """
    name = card.implementation or card.method
    if name not in METHODS or ":" in name:
        known = False
    else:
        known = not uses_backend(name) or (card.arch in ARCHITECTURES and card.backend in BACKENDS)
    if not known:
        raise SubmissionError(
            "weights",
            f"'{name}' ({card.arch}, {card.backend}) is not registered here: foreign code is not run",
        )
    return name


def check_described(card: Card) -> None:
    """Refuse a card that says nothing of its method: what is filed stays as it is.

    Raises:
        SubmissionError: kind ``card``.
    """
    if not card.description.strip():
        raise SubmissionError(
            "card",
            "submission.yaml: the description is empty: draft a submission with 'mfbench submit RUN "
            "--draft DIR', say in DIR/submission.yaml what the method does, then file DIR",
        )


def _scored(
    card: Card, reference: ReferenceEpisodes, records: Sequence[EpisodeRecord | EpisodeErrors]
) -> Results:
    return score_run(
        reference.split,
        reference.episodes,
        records,
        {"method": card.method},
        constants=reference.constants,
        costs=False,
    )


def check_names(files: Mapping[str, bytes]) -> None:
    """Refuse any file that is no part of a submission, and say which part is missing.

    Raises:
        SubmissionError: kind ``files``.
    """
    for name in files:
        if name not in FILES:
            shown = "".join(c if c.isprintable() else "?" for c in str(name))[:80]
            raise SubmissionError("files", f"'{shown}' is no part of a submission: {', '.join(FILES)}")
    for name in ("submission.yaml", PREDICTIONS_FILE):
        if name not in files and not (name == PREDICTIONS_FILE and ERRORS_FILE in files):
            raise SubmissionError("files", f"{name} is missing")
    if PREDICTIONS_FILE in files and ERRORS_FILE in files:
        raise SubmissionError("files", f"{PREDICTIONS_FILE} and {ERRORS_FILE}: give one of them")


def check_claims(checked: Checked, claims: Sequence[AggregateRow]) -> None:
    """Compare claimed aggregates with the recomputed ones.

    Raises:
        SubmissionError: kind ``claims``: names the first that differs.
    """
    found = {(r.metric, r.k, r.query): r.value for r in checked.results.aggregate}
    for row in claims:
        if row.metric not in METRICS:
            continue
        value = found.get((row.metric, row.k, row.query))
        scale = max(abs(value or 0.0), 1.0 if row.metric.endswith(("skill", "skill_within")) else 1e-3)
        if value is None or not math.isclose(row.value, value, rel_tol=_CLAIM, abs_tol=_CLAIM * scale):
            given = "nothing" if value is None else f"{value:.4g}"
            raise SubmissionError(
                "claims",
                f"{row.metric} at K = {row.k} ({row.query}) is claimed as {row.value:.4g}; the predictions "
                f"give {given}: submit the predictions that the claim was computed from",
            )


def _check_failures(card: Card, reference: ReferenceEpisodes) -> None:
    """A reason must be for an episode of this run: a misspelt one would hide nothing, and help nobody."""
    for row in card.failures:
        if not any(
            e.family_id == row.family and row.k in (None, e.k) and row.draw in (None, e.draw)
            for e in reference.episodes
        ):
            where = f"{row.family}, K = {row.k}, draw {row.draw}"
            raise SubmissionError("card", f"submission.yaml: failures: there is no episode {where}")


def _check_selected(card: Card, reference: ReferenceEpisodes) -> None:
    """Who chose the support and which rows it is belong together, else one choice shows as another.

    Episodes that failed may have rows: their penalty is measured on the same support.
    """
    where = "submission.yaml: run.selected"
    rows = card.run.selected_rows
    if card.run.selector in (None, Selector.RANDOM):
        if card.run.selected is not None:
            raise SubmissionError(
                "card", f"{where}: rows are given, and run.selector says that nobody chose"
            )
        return
    episodes = [e for e in reference.episodes if e.k]
    if unknown := sorted(set(rows) - {e.key for e in episodes}):
        family, k, draw = unknown[0]
        raise SubmissionError("card", f"{where}: there is no episode {family}, K = {k}, draw {draw}")
    for e in episodes:
        if e.key not in rows and card.reason(*e.key) is None:
            raise SubmissionError(
                "card",
                f"{where}: {e.family_id}, K = {e.k}, draw {e.draw} has no rows, and its support was chosen "
                f"by {card.run.selector}: name the rows of every episode",
            )


def _of_predictions(reference: ReferenceEpisodes, records: Sequence[EpisodeRecord]) -> list[Finding]:
    """What is wrong with the predictions themselves."""
    evidence = gather(reference, records)
    units = unit_findings(evidence)
    # Labels in other units are below the noise too once they are scaled: the mistake is named first.
    return [*units, *leak_findings(evidence), *([] if units else order_findings(evidence))]


def _notes(card: Card, reference: ReferenceEpisodes, results: Results) -> list[Finding]:
    """What a reader should know of the run: overlap with training data, gaps, failures, a weak result."""
    found = overlap_findings(card, reference.split)
    tasks = reference.split.test
    if missing := [k for k in standard_ks(tasks) if k not in card.run.ks]:
        found.append(_note(Kind.PARTIAL, f"no K = {', '.join(map(str, missing))}."))
    if card.run.draws < standard_draws(tasks):
        published = min(len(task.draws) for task in tasks)
        text = f"{card.run.draws} of {published} published draws: noisier than the full protocol."
        found.append(_note(Kind.FEW_DRAWS, text))
    if results.failures:
        text = (
            f"{len(results.failures)} of {len(reference.episodes)} episodes failed; they score a penalty."
        )
        found.append(_note(Kind.FAILED_EPISODES, text))
    flagged = [k for m, k, q in results.not_better_than_constant if (m, q) == ("force_rmse", "all")]
    if flagged and card.method not in reference_lines():
        text = f"forces at K = {', '.join(map(str, flagged))} are not better than the constant method's."
        found.append(_note(Kind.NOT_BETTER_THAN_CONSTANT, text))
    return found


def _note(kind: Kind, message: str) -> Finding:
    return Finding(kind=kind, message=message)


def check_track(card: Card) -> None:
    """Refuse a track whose budget the run exceeded.

    Raises:
        SubmissionError: kind ``card``.
    """
    if not card.track.admits(card.run.budget):
        raise SubmissionError(
            "card",
            f"submission.yaml: a budget of {card.run.steps} steps of {card.run.batch} is not the "
            f"{card.track} track but {track_of(card.run.budget)}",
        )
