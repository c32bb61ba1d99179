"""What a submission is measured against: the episodes it ran, and the constant method on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from mfbench.data.split import Split, load_split
from mfbench.errors import DataError, ProtocolError, SubmissionError, UnknownNameError
from mfbench.protocol.episode import Episode
from mfbench.protocol.protocol import PROTOCOL_VERSION, Protocol
from mfbench.results.score_run import ConstantLine
from mfbench.submission.card import DeclaredRun

__all__ = ["ReferenceEpisodes", "known_split", "reference_episodes"]


@dataclass(frozen=True, eq=False)
class ReferenceEpisodes:
    """Episodes in order of family, K and draw, as a run makes them; K = 0 has one draw.

    Attributes:
        split: the data.
        episodes: what must be predicted.
    """

    split: Split
    episodes: tuple[Episode, ...]

    @cached_property
    def constants(self) -> ConstantLine:
        """The constant method on these episodes."""
        return ConstantLine(self.split, self.episodes)

    @cached_property
    def families(self) -> list[str]:
        """Test families in order."""
        return list(dict.fromkeys(episode.family_id for episode in self.episodes))

    @cached_property
    def n_atoms(self) -> dict[str, np.ndarray]:
        """family → [n_query] atoms of its query configurations."""
        return {e.family_id: np.array([len(c) for c in e.query]) for e in self.episodes}

    @cached_property
    def labels(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """family → energies [n_query] in eV, forces [sum of atoms, 3] in eV/Å."""
        return {
            e.family_id: (
                np.array([c.energy for c in e.query]),
                np.concatenate([c.forces for c in e.query]),
            )
            for e in self.episodes
        }


@lru_cache(maxsize=16)
def known_split(name: str) -> Split:
    """A split by its name, kept in memory.

    Raises:
        SubmissionError: kind ``data``: no such split here.
    """
    try:
        return load_split(name)
    except (UnknownNameError, DataError) as error:
        raise SubmissionError("data", str(error)) from None


def reference_episodes(run: DeclaredRun) -> ReferenceEpisodes:
    """The episodes of a run, from the split that is installed here.

    Raises:
        SubmissionError: kind ``data``: the split is not here, or is another version; its draws do not
            hold what was asked; the protocol is another.
    """
    split = known_split(run.split)
    if split.manifest.data_hash != run.data_hash:
        raise SubmissionError(
            "data",
            f"it was run on another version of {split.name} (data {run.data_hash[:12]}, here "
            f"{split.manifest.data_hash[:12]}): evaluate again",
        )
    if run.protocol != PROTOCOL_VERSION:
        raise SubmissionError(
            "data", f"it was run under protocol {run.protocol}, here is {PROTOCOL_VERSION}"
        )
    if len(set(run.ks)) != len(run.ks):
        raise SubmissionError("card", "submission.yaml: run.ks names a K twice")
    rows = tuple((key, tuple(found)) for key, found in sorted(run.selected_rows.items()))
    return _episodes_of(split, tuple(sorted(run.ks)), run.draws, run.level, rows)


@lru_cache(maxsize=16)
def _episodes_of(
    split: Split,
    ks: tuple[int, ...],
    draws: int,
    level: str | None,
    selected: tuple[tuple[tuple[str, int, int], tuple[int, ...]], ...],
) -> ReferenceEpisodes:
    if not split.test:
        raise SubmissionError("data", f"{split.name} has no test families")
    try:
        protocol = Protocol.of(split, ks=ks, draws=draws, level=level)
        return ReferenceEpisodes(split, tuple(protocol.episodes(split, dict(selected))))
    except (ProtocolError, UnknownNameError) as error:
        raise SubmissionError("data", str(error)) from None
