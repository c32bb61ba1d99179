"""From configurations to batches of graphs: the names that the rest of the package uses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.learned.architectures.neighbours import UnknownElementError, neighbour_pairs
from mfbench_jax.models.graph_batch import GraphBatch, Padding
from mfbench_jax.models.graph_table import GraphTable, round_up

__all__ = [
    "GraphBatch",
    "GraphTable",
    "Padding",
    "UnknownElementError",
    "batch_configurations",
    "padding_for",
]


def padding_for(
    configurations: Sequence, config, *, atoms: int = 4, pairs: int = 32, neighbours: int = 2
) -> Padding:
    """The smallest padding, in steps of ``atoms``, ``pairs`` and ``neighbours``, that holds them all."""
    found = [neighbour_pairs(np.asarray(x.positions), config.r_max) for x in configurations]
    n = max((len(x.atomic_numbers) for x in configurations), default=1)
    t = max((len(first) for first, _ in found), default=1)
    k = max((int(np.bincount(np.concatenate(pair)).max(initial=1)) for pair in found), default=1)
    return Padding(round_up(n, atoms), round_up(t, pairs), round_up(k, neighbours))


def batch_configurations(
    configurations: Sequence,
    config,
    *,
    padding: Padding | None = None,
    size: int | None = None,
    dtype=np.float32,
) -> GraphBatch:
    """All configurations in one batch; ``padding`` defaults to the smallest that fits, in coarse steps."""
    table = GraphTable(configurations, config, padding=padding)
    return table.take(np.arange(len(table)), size=size, dtype=dtype)
