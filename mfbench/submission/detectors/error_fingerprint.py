"""Fingerprints: a few numbers per episode that tell whether two submissions made the same errors.

Errors of forces and of energies are scaled to length one and projected on fixed random directions. Two
fingerprints are as far apart as the errors are, to about a tenth of the distance, so a thousand submissions
are compared without reading their predictions. Copies with a little noise stay close; separately trained
models, even of one architecture on one data set, do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.submission.reference_episodes import ReferenceEpisodes

__all__ = ["SAME", "WIDTH", "distance", "fingerprints"]

_FORCES, _ENERGIES = 6, 4
WIDTH = _FORCES + _ENERGIES
"""Numbers per family."""
SAME = 0.03
"""Distance, relative to the errors, under which predictions count as the same. Two backends with the same
weights are 1e-5 apart; `maml` and `fomaml` of cath-mini, the nearest that were trained separately (from one
joint start, with one seed), are 0.06 apart."""


def fingerprints(reference: ReferenceEpisodes, records: Sequence[EpisodeRecord]) -> dict[int, np.ndarray]:
    """K → [n_families, WIDTH] float32 of draw 0, families in order; NaN where there is no prediction."""
    found: dict[int, np.ndarray] = {}
    row = {family: i for i, family in enumerate(reference.families)}
    for record in records:
        if record.draw or not record.k:  # without labels, one pre-trained model is in several methods
            continue
        values = found.setdefault(record.k, np.full((len(row), WIDTH), np.nan, np.float32))
        if record.failure is None:
            energies, forces = reference.labels[record.family_id]
            values[row[record.family_id]] = np.concatenate(
                [
                    _project((record.forces - forces).ravel(), record.family_id, _FORCES),
                    _project(record.energies - energies, record.family_id, _ENERGIES),
                ]
            )
    return found


def distance(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Relative distances of two fingerprints [n_families, WIDTH]: forces, energies; inf without overlap."""
    both = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    if not both.any():
        return float("inf"), float("inf")
    squared = (a[both] - b[both]) ** 2
    forces, energies = (
        float(np.sqrt(part.sum(axis=1).mean() / part.shape[1]))
        for part in (squared[:, :_FORCES], squared[:, _FORCES:])
    )
    return forces, energies


def _project(errors: np.ndarray, family: str, width: int) -> np.ndarray:
    size = np.linalg.norm(errors)
    if size == 0:
        return np.zeros(width)
    projected: np.ndarray = _directions(family, len(errors), width) @ (errors / size)
    return projected


@lru_cache(maxsize=256)
def _directions(family: str, n: int, width: int) -> np.ndarray:
    """[width, n] standard normal: the same on every machine."""
    seed = int.from_bytes(hashlib.blake2b(family.encode(), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).normal(size=(width, n)).astype(np.float32)
