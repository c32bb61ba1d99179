"""Meta-train configurations: a fixed sample to remember, and what may be replayed beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.split import Split, Task

__all__ = ["remembered", "replayed"]


def remembered(split: Split, count: int = 200, *, seed: int = 0) -> list[Configuration]:
    """``count`` meta-train configurations (an even number) in pairs of one fragment, so that energies
    within fragments have an error; families take turns. Fewer where meta-train has no more pairs.
    """
    rng = np.random.default_rng([seed, 11])
    order = rng.permutation(len(split.train))
    pairs = [iter(_pairs(split.train[i], rng)) for i in order]
    found: list[Configuration] = []
    while pairs and len(found) + 1 < count:
        left = []
        for of_family in pairs:
            if len(found) + 1 < count and (pair := next(of_family, None)):
                found += pair
                left.append(of_family)
        pairs = left
    return found


def _pairs(task: Task, rng: np.random.Generator) -> list[list[Configuration]]:
    """Two random configurations of each fragment of a family, fragments in random order."""
    by_fragment: dict[str, list[Configuration]] = {}
    for c in task.everything:
        by_fragment.setdefault(c.fragment_id, []).append(c)
    names = [name for name in sorted(by_fragment) if len(by_fragment[name]) > 1]
    return [
        [by_fragment[names[i]][j] for j in sorted(rng.choice(len(by_fragment[names[i]]), 2, replace=False))]
        for i in rng.permutation(len(names))
    ]


def replayed(split: Split, kept: Sequence[Configuration], count: int, *, seed: int) -> list[Configuration]:
    """``count`` random meta-train configurations, each once, none of ``kept``: what is measured is not
    trained on again. Everything else of meta-train can be drawn."""
    names = {c.config_id for c in kept}
    others = [c for c in split.train_configurations if c.config_id not in names]
    rng = np.random.default_rng([seed, 12])
    return [others[i] for i in rng.choice(len(others), size=min(count, len(others)), replace=False)]
