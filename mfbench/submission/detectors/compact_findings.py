"""What can be told from errors per configuration alone: labels that leaked, and forces that are zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.metrics.errors import within_fragment
from mfbench.results.episode_errors import EpisodeErrors
from mfbench.submission.detectors.findings import Finding
from mfbench.submission.detectors.leaks import exact_findings, flat_finding
from mfbench.submission.reference_episodes import ReferenceEpisodes

__all__ = ["compact_findings"]

_SAME = 0.001
"""Relative difference of squares that rounding explains: 0.07 % steps of an RMS, half a step either way."""


def compact_findings(reference: ReferenceEpisodes, records: Sequence[EpisodeErrors]) -> list[Finding]:
    """Findings of a compact submission, by the same bounds as where predictions are at hand."""
    leaks: list[Finding] = []
    silent = []
    for k in sorted({episode.k for episode in reference.episodes}):
        pairs = [
            (episode, record.errors)
            for episode, record in zip(reference.episodes, records, strict=True)
            if episode.k == k and record.errors is not None
        ]
        if not pairs:
            continue
        square = np.concatenate([errors.force_square for _, errors in pairs])
        labels = np.concatenate([_label_square(reference, episode.family_id) for episode, _ in pairs])
        if np.all(np.abs(square - labels) <= _SAME * labels):
            silent.append(k)
        within = [
            (within_fragment(errors.energy, episode.fragments),
             within_fragment(reference.labels[episode.family_id][0], episode.fragments))
            for episode, errors in pairs
        ]  # fmt: skip
        error, differences = (np.concatenate(found) for found in zip(*within, strict=True))
        leaks = leaks or exact_findings(k, np.sqrt(square), error, differences)
    return leaks + ([flat_finding(silent)] if silent else [])


def _label_square(reference: ReferenceEpisodes, family: str) -> np.ndarray:
    """[n] mean square of the labels' force components: the error of a method that predicts none."""
    forces, n_atoms = reference.labels[family][1], reference.n_atoms[family]
    starts = np.concatenate([[0], np.cumsum(n_atoms)[:-1]])
    means: np.ndarray = np.add.reduceat((forces**2).sum(axis=1), starts) / (3 * n_atoms)
    return means
