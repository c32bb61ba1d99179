"""Predictions beside labels, as the detectors look at them: one object per K."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfbench.metrics.errors import within_fragment
from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.submission.reference_episodes import ReferenceEpisodes

__all__ = ["Evidence", "gather"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """All predicted episodes with K labels, one after another.

    Attributes:
        k: number of labels.
        fragments: [n] names, different for different episodes.
        n_atoms: [n].
        energies, labels: [n] eV: predicted, true.
        forces, label_forces: [sum(n_atoms), 3] eV/Å: predicted, true.
        atomic_energies: [n] eV, sum of the isolated atoms' energies.
    """

    k: int
    fragments: np.ndarray
    n_atoms: np.ndarray
    energies: np.ndarray
    labels: np.ndarray
    forces: np.ndarray
    label_forces: np.ndarray
    atomic_energies: np.ndarray

    @cached_property
    def within(self) -> tuple[np.ndarray, np.ndarray]:
        """Predicted and true energies, each less its mean over the fragment: [n], [n] eV."""
        return within_fragment(self.energies, self.fragments), within_fragment(self.labels, self.fragments)

    @cached_property
    def force_errors(self) -> np.ndarray:
        """Root-mean-square error of a configuration's force components, [n] eV/Å."""
        found: np.ndarray = np.sqrt(self.per_configuration((self.forces - self.label_forces) ** 2))
        return found

    def per_configuration(self, values: np.ndarray) -> np.ndarray:
        """Mean of [sum(n_atoms), 3] over each configuration's components: [n]."""
        starts = np.concatenate([[0], np.cumsum(self.n_atoms)[:-1]])
        means: np.ndarray = np.add.reduceat(values.sum(axis=1), starts) / (3 * self.n_atoms)
        return means


def gather(reference: ReferenceEpisodes, records: Sequence[EpisodeRecord]) -> list[Evidence]:
    """The evidence of every K that has predictions, ascending."""
    zero = reference.split.isolated_atom_energies
    isolated = {
        e.family_id: np.array([sum(zero.get(int(z), 0.0) for z in c.atomic_numbers) for c in e.query])
        for e in {e.family_id: e for e in reference.episodes}.values()
    }
    found = []
    for k in sorted({episode.k for episode in reference.episodes}):
        pairs = [
            (e, r)
            for e, r in zip(reference.episodes, records, strict=True)
            if e.k == k and r.failure is None
        ]
        if not pairs:
            continue
        families = [e.family_id for e, _ in pairs]
        codes = [np.char.add(e.fragments.astype(str), f"/{i}") for i, (e, _) in enumerate(pairs)]
        found.append(
            Evidence(
                k=k,
                fragments=np.unique(np.concatenate(codes), return_inverse=True)[1],
                n_atoms=np.concatenate([reference.n_atoms[f] for f in families]),
                energies=np.concatenate([r.energies for _, r in pairs]),
                labels=np.concatenate([reference.labels[f][0] for f in families]),
                forces=np.concatenate([r.forces for _, r in pairs]).astype(np.float64),
                label_forces=np.concatenate([reference.labels[f][1] for f in families]),
                atomic_energies=np.concatenate([isolated[f] for f in families]),
            )
        )
    return found
