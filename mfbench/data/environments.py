"""Atomic environments: a rotation-invariant vector for each atom, and its distance to the nearest other.

A vector holds, for each element of the neighbours and each of a few shells within 4.5 Å, the lengths of the
zeroth, first and second angular moment of the neighbours. Distances are in units of the root-mean-square
distance between two random reference environments of the element: 0 is the same, 1 is no likeness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration

__all__ = ["Environments", "Reference", "describe", "environments", "nearest_distances"]

CUTOFF = 4.5
"""Å."""
_SHELLS = np.linspace(0.9, 4.1, 6, dtype=np.float32)
_WIDTH = float(_SHELLS[1] - _SHELLS[0]) / 1.5
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class Environments:
    """Environments of some atoms.

    Attributes:
        numbers: [m] atomic numbers of the central atoms.
        vectors: [m, d] float32.
    """

    numbers: np.ndarray
    vectors: np.ndarray


def describe(c: Configuration, elements: Sequence[int]) -> np.ndarray:
    """Vectors of all atoms, [n, 18 × len(elements)] float32; neighbours of other elements do not count."""
    n = len(c)
    vectors = (c.positions[:, None] - c.positions[None]).astype(np.float32)
    distances = np.linalg.norm(vectors, axis=-1)
    near = (distances < CUTOFF) & ~np.eye(n, dtype=bool)
    fade = np.where(near, 0.5 * (1.0 + np.cos(np.pi * distances / CUTOFF)), 0.0)
    shells = np.exp(-0.5 * ((distances[..., None] - _SHELLS) / _WIDTH) ** 2) * fade[..., None]
    x, y, z = np.moveaxis(vectors / np.where(near, distances, 1.0)[..., None], -1, 0)
    # Real components of 1, u and uu - 1/3, so that sums of squares are the moments' lengths.
    root = np.float32(np.sqrt(2.0))
    angular = np.stack(
        [np.ones_like(x), x, y, z, x * x - 1 / 3, y * y - 1 / 3, z * z - 1 / 3]
        + [root * x * y, root * x * z, root * y * z],
        axis=-1,
    )
    basis = (shells[..., None] * angular[:, :, None]).reshape(n, n, -1).astype(np.float32)
    chosen = (np.asarray(c.atomic_numbers)[None] == np.asarray(elements)[:, None]).astype(np.float32)
    moments = np.matmul(chosen, basis).reshape(n, len(elements), len(_SHELLS), 10)
    lengths = [np.linalg.norm(moments[..., a:b], axis=-1) for a, b in ((0, 1), (1, 4), (4, 10))]
    return np.stack(lengths, axis=-1).reshape(n, -1)


def environments(
    configurations: Sequence[Configuration],
    elements: Sequence[int],
    limit: int | None,
    rng: np.random.Generator,
) -> Environments:
    """Up to ``limit`` random atoms of some configurations (None: all)."""
    numbers = np.concatenate([c.atomic_numbers for c in configurations])
    chosen = np.sort(rng.permutation(len(numbers))[:limit])
    vectors = np.concatenate([describe(c, elements) for c in configurations])
    return Environments(numbers[chosen], vectors[chosen])


class Reference:
    """Environments to be near to, by element, each with the family it belongs to.

    Args:
        families: family → its environments.
        limit: at most so many per element, chosen at random.
        rng: chooses.
    """

    def __init__(self, families: dict[str, Environments], limit: int, rng: np.random.Generator):
        self._elements: dict[int, tuple[np.ndarray, np.ndarray, float]] = {}
        numbers = np.concatenate([e.numbers for e in families.values()])
        vectors = np.concatenate([e.vectors for e in families.values()])
        owners = np.concatenate([np.full(len(e.numbers), name) for name, e in families.items()])
        for element in np.unique(numbers):
            chosen = np.sort(rng.permutation(np.flatnonzero(numbers == element))[:limit])
            found = vectors[chosen]
            spread = float(np.sqrt(2.0 * found.var(axis=0, dtype=np.float64).sum()))
            self._elements[int(element)] = (found, owners[chosen], spread or 1.0)

    def distances(self, asked: Environments, *, without: str | None = None) -> np.ndarray:
        """Distance of each environment to the nearest one of the same element: [m].

        Infinite where the reference has none. ``without``: leave out the environments of this family.
        """
        out = np.full(len(asked.numbers), np.inf)
        for element in np.unique(asked.numbers):
            if int(element) not in self._elements:
                continue
            vectors, owners, spread = self._elements[int(element)]
            known = vectors[owners != without] if without is not None else vectors
            mine = np.flatnonzero(asked.numbers == element)
            if len(known):
                out[mine] = nearest_distances(asked.vectors[mine], known) / spread
        return out


def nearest_distances(asked: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Euclidean distance of each row [m, d] to the nearest row of [r, d]: [m]."""
    # Centred, because |a|² + |b|² - 2ab loses digits where vectors are long and differences short.
    centre = known.mean(axis=0)
    asked, known = asked - centre, known - centre
    squares = np.einsum("rd,rd->r", known, known)
    best = [
        (squares - 2.0 * (part @ known.T)).min(axis=1) + np.einsum("md,md->m", part, part)
        for part in np.split(asked, range(_CHUNK, len(asked), _CHUNK))
    ]
    found: np.ndarray = np.sqrt(np.maximum(np.concatenate(best), 0.0))
    return found
