"""One episode as its errors per configuration: what is left when predictions are not kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.metrics.errors import ConfigurationErrors, configuration_errors
from mfbench.protocol.episode import Episode
from mfbench.protocol.run_episode import EpisodeRecord

__all__ = ["EpisodeErrors", "errors_of"]


@dataclass(frozen=True, eq=False)
class EpisodeErrors:
    """Errors of one episode; scores follow from them as they do from predictions.

    Attributes:
        family_id, k, draw: which episode.
        errors: of its query configurations in their order; None if it failed.
        failure: reason in one line, or None.
        adapt_seconds, predict_seconds, compile_seconds, gradient_evaluations, peak_memory_bytes,
        stable_share, energy_coverage, force_coverage: not kept here; a submission's card declares them.
    """

    family_id: str
    k: int
    draw: int
    errors: ConfigurationErrors | None = None
    failure: str | None = None
    adapt_seconds: float = 0.0
    predict_seconds: float = 0.0
    compile_seconds: float = 0.0
    gradient_evaluations: int = 0
    peak_memory_bytes: int | None = None
    stable_share: float | None = None
    energy_coverage: float | None = None
    force_coverage: float | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        """Family, K and draw: unique within a run."""
        return (self.family_id, self.k, self.draw)


def errors_of(episode: Episode, record: EpisodeRecord) -> EpisodeErrors:
    """Errors of a record's predictions; a failed record keeps its reason."""
    if record.failure is not None or record.energies is None or record.forces is None:
        return EpisodeErrors(*record.key, failure=record.failure)
    found = configuration_errors(
        record.energies,
        record.forces,
        np.array([c.energy for c in episode.query]),
        np.concatenate([c.forces for c in episode.query]),
        np.array([len(c) for c in episode.query]),
    )
    return EpisodeErrors(*record.key, errors=found)
