"""How much a construction's train fold holds, and how far its test families are from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.audit.leakage import Leakage
from mfbench.compare.comparison import Diversity
from mfbench.data.configuration import Configuration
from mfbench.data.environments import describe
from mfbench.data.split import Split, Task

__all__ = ["DIVERSITY_VERSION", "diversity", "effective_number", "family_descriptors"]

DIVERSITY_VERSION = 1
"""Raised whenever the same data would give other numbers."""
_CONFIGURATIONS = 60
"""Configurations that stand for a family, at equal steps through its roles."""


def diversity(split: Split, leakage: Leakage) -> Diversity:
    """From the data alone; deterministic.

    ``effective_families``: see ``effective_number``. ``graphs_covered``: share of the test families' query
    whose molecule train holds. ``distance``: median over test families of the median distance of an atom's
    environment to the nearest in train (``mfbench.data.environments``; 0 the same, 1 no likeness);
    ``distance_ratio``: over that of a train family that is left out. ``new_elements``: those of the test
    families that train does not have.
    """
    test = leakage.summary()["test"]
    elements = {int(z) for c in split.train_configurations for z in c.atomic_numbers}
    asked = {int(z) for t in split.test for c in (*t.query, *t.heldout) for z in c.atomic_numbers}
    return Diversity(
        train_families=len(split.train),
        train_fragments=len({name for t in split.train for name in t.graphs}),
        train_graphs=len(split.train_graphs),
        train_configurations=len(split.train_configurations),
        elements=len(elements),
        effective_families=round(effective_number(*family_descriptors(split.train)), 2),
        graphs_covered=round(float(test["query_graphs_in_train"]), 4),
        distance=round(float(test["environment_median"]), 4),
        distance_ratio=round(float(test["environment_median_ratio"]), 4),
        new_elements=len(asked - elements),
    )


def family_descriptors(tasks: Sequence[Task]) -> tuple[np.ndarray, float]:
    """Mean descriptor of every family [n, d], and the root-mean-square distance of a configuration to its
    family's mean.

    A configuration is described by the mean environment of its atoms, element by element of the neighbours.
    """
    elements = sorted({int(z) for t in tasks for c in t.support for z in c.atomic_numbers})
    means, squares = [], []
    for task in tasks:
        everything = (*task.support, *task.query, *task.heldout)
        chosen = np.linspace(0, len(everything) - 1, min(_CONFIGURATIONS, len(everything))).round()
        vectors = np.array([_vector(everything[int(i)], elements) for i in chosen])
        means.append(vectors.mean(axis=0))
        squares.append(np.square(vectors - means[-1]).sum(axis=1).mean())
    return np.array(means), float(np.sqrt(np.mean(squares)))


def _vector(configuration: Configuration, elements: Sequence[int]) -> np.ndarray:
    """[elements × d] for each element of the central atoms: its share times its mean environment."""
    found = describe(configuration, elements)
    numbers = np.asarray(configuration.atomic_numbers)
    parts = [found[numbers == z].sum(axis=0) / len(numbers) for z in elements]
    return np.concatenate(parts)


def effective_number(means: np.ndarray, spread: float) -> float:
    """How many families there are, if those that differ by less than what is within them count as one.

    The Vendi score (Friedman & Dieng 2023): exp of the entropy of the eigenvalues of K / n, with
    K = exp(-d² / 2 s²) between family means ``means`` [n, d] and s the ``spread`` within families. n
    families far apart give n, equal ones 1.
    """
    squares = np.square(means[:, None] - means[None]).sum(axis=-1)
    kernel = np.exp(-0.5 * squares / max(spread**2, 1e-12))
    values = np.linalg.eigvalsh(kernel / len(means))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))
