"""Which K of a pool are labelled: rules that see geometries, and labels only of what they chose before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.farthest_points import farthest_points, fingerprints
from mfbench.protocol.method import Method, silent_predict
from mfbench.protocol.protocol import Budget, Selector
from mfbench.protocol.run_episode import check_predictions

__all__ = ["select_support"]

FIRST = 5
"""Labels that ``uncertainty`` begins with, from the published draw; every round doubles them."""
MEMBERS = 3
_CANDIDATES = 500
"""Configurations of a deep pool that a round looks at, drawn at random: more would cost hours."""


def select_support(
    selector: Selector,
    method: Method,
    pool: Sequence[Configuration],
    k: int,
    published: Sequence[int],
    *,
    budget: Budget,
    seed: int,
) -> list[int]:
    """K rows of a pool, those of a method unchecked. The same arguments give the same rows.

    Args:
        selector: not ``random``.
        method: asked where the rule needs it.
        pool: labelled; labels of rows that are not chosen stay unseen.
        k: at least 1.
        published: rows of the published draw: what a rule that needs a beginning begins with.
        budget, seed: of adapting.

    Raises:
        Exception: whatever the method raises.
    """
    if selector is Selector.METHOD:
        return [int(i) for i in method.select([c.blind() for c in pool], k)]  # type: ignore[attr-defined]
    if selector is Selector.FARTHEST:
        first = list(published[:1])
        return [*first, *farthest_points(_vectors(tuple(pool)), first, k - 1)]
    rows = list(published[: min(k, FIRST)])
    rng = np.random.default_rng([seed, 31])
    while len(rows) < k:
        rest = np.setdiff1d(np.arange(len(pool)), rows)
        candidates = np.sort(rng.permutation(rest)[:_CANDIDATES])
        wanted = min(len(rows), k - len(rows), len(candidates))
        spreads = _spreads(method, pool, rows, candidates, budget, seed)
        unsure = candidates[np.argsort(-spreads, kind="stable")][: 4 * wanted]
        vectors = fingerprints([pool[i] for i in unsure])
        local = [0, *farthest_points(vectors, [0], wanted - 1)] if wanted > 1 else [0]
        rows += [int(unsure[i]) for i in local]
    return rows


@lru_cache(maxsize=2)
def _vectors(pool: tuple[Configuration, ...]) -> np.ndarray:
    """Of a whole pool, kept: every draw and every K asks for the same ones."""
    return fingerprints(pool)


def _spreads(
    method: Method,
    pool: Sequence[Configuration],
    rows: Sequence[int],
    candidates: np.ndarray,
    budget: Budget,
    seed: int,
) -> np.ndarray:
    """[candidates] largest standard deviation of a force component over members, each of which was adapted
    to four fifths of what is labelled: methods without chance of their own differ by that too."""
    asked = [pool[i].blind() for i in candidates]
    found = []
    for member in range(MEMBERS):
        rng = np.random.default_rng([seed, 37, member, len(rows)])
        kept = np.sort(rng.permutation(rows)[: max(4 * len(rows) // 5, 1)])
        predictor = method.adapt([pool[i] for i in kept], budget=budget, seed=seed + member)
        found.append(check_predictions(silent_predict(predictor)(asked), asked)[1])
    return np.array([np.std([f[i] for f in found], axis=0).max() for i in range(len(asked))])
