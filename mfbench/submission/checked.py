"""A submission that was read and scored: what the store files and the board shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfbench.errors import SubmissionError
from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.results.episode_errors import EpisodeErrors, errors_of
from mfbench.results.results import Results
from mfbench.submission.card import Card, write_card
from mfbench.submission.compact import ERRORS_FILE, Kept, compact_bytes
from mfbench.submission.detectors.error_fingerprint import fingerprints
from mfbench.submission.detectors.findings import Finding
from mfbench.submission.predictions import canonical_bytes
from mfbench.submission.reference_episodes import ReferenceEpisodes

__all__ = ["FILES", "PREDICTIONS_FILE", "WEIGHT_FILES", "Checked"]

PREDICTIONS_FILE = "predictions.parquet"
WEIGHT_FILES = ("weights.safetensors", "weights.json")
FILES = ("submission.yaml", PREDICTIONS_FILE, ERRORS_FILE, *WEIGHT_FILES)
"""All that a submission may hold: one of predictions and errors, and deposited weights."""


@dataclass(frozen=True, eq=False)
class Checked:
    """A submission that was read and scored.

    Attributes:
        card: what it says of itself.
        reference: the episodes.
        records: predictions of every episode, rounded; none for a compact submission.
        kept: what a compact submission holds instead; None where predictions are at hand.
        results: recomputed.
        findings: by the detectors; see ``refusals``.
        weights: deposited files by name.
    """

    card: Card
    reference: ReferenceEpisodes
    records: list[EpisodeRecord]
    kept: Kept | None
    results: Results
    findings: list[Finding]
    weights: dict[str, bytes]

    @property
    def compact(self) -> bool:
        """Whether errors per configuration are all that is left of the predictions."""
        return self.kept is not None

    @property
    def refusals(self) -> list[Finding]:
        """Findings with which it cannot be filed."""
        return [finding for finding in self.findings if finding.refuses]

    @cached_property
    def errors(self) -> list[EpisodeErrors]:
        """Errors of every episode, in the order of the reference episodes."""
        if self.kept is not None:
            return self.kept.episodes
        pairs = zip(self.reference.episodes, self.records, strict=True)
        return [errors_of(episode, record) for episode, record in pairs]

    @cached_property
    def fingerprints(self) -> dict[int, np.ndarray]:
        """K → [n_families, WIDTH]: what copies are recognised by."""
        return self.kept.fingerprints if self.kept else fingerprints(self.reference, self.records)

    @cached_property
    def files(self) -> dict[str, bytes]:
        """What is filed: canonical card and predictions or errors, and the weights as they are."""
        card = {"submission.yaml": write_card(self.card).encode()}
        if self.kept is not None:
            return {**card, ERRORS_FILE: compact_bytes(self.errors, self.fingerprints), **self.weights}
        predictions = canonical_bytes(self.reference.episodes, self.records)
        return {**card, PREDICTIONS_FILE: predictions, **self.weights}

    def raise_refusals(self) -> None:
        """Raise the first finding that refuses.

        Raises:
            SubmissionError: of that finding's kind.
        """
        for finding in self.refusals:
            raise SubmissionError(finding.kind, finding.message)
