"""Energies and forces of a network in fixed-size batches, in NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import jax
import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.learned.architectures.registry import Config
from mfbench_jax.compiled import Compiled
from mfbench_jax.models.architecture import energy_forces
from mfbench_jax.models.graph_table import round_up
from mfbench_jax.models.graphs import GraphBatch, GraphTable, Padding

__all__ = ["batches", "model_predictions"]

BATCH = 16
"""Configurations per forward pass; the last batch is padded with empty ones. A single configuration, as in
molecular dynamics, has a program of its own."""


def model_predictions(
    params: dict[str, jax.Array],
    config: Config,
    configurations: Sequence[Configuration],
    floor: Padding | None = None,
    head: np.ndarray | None = None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Interaction energies [n] in eV and forces (n arrays [atoms, 3]) in eV/Å; a linear head adds."""
    if not configurations:
        return np.zeros(0), []
    run = _program(config)
    dtype = next(iter(params.values())).dtype
    extra = () if head is None else (np.asarray(head, dtype),)
    table = GraphTable(configurations, config)
    energies = np.zeros(len(configurations))
    forces: list[np.ndarray] = [np.zeros(0)] * len(configurations)
    for indices, batch in batches(table, floor):
        energy, force = run(params, batch, *extra)
        energies[indices] = np.asarray(energy, np.float64)[: len(indices)]
        padded = np.asarray(force, np.float64).reshape(len(batch.n_atoms), -1, 3)
        for i, j in enumerate(indices):
            forces[j] = padded[i, : table.n_atoms[j]]
    return energies, forces


def batches(table: GraphTable, floor: Padding | None) -> Iterator[tuple[np.ndarray, GraphBatch]]:
    """All configurations of a table in batches of one size: their indices, and the batch."""
    size = BATCH if len(table) > 1 else 1
    for members, padding in _shapes(table, floor or table.padding):
        for begin in range(0, len(members), size):
            indices = members[begin : begin + size]
            yield indices, table.take(indices, size=size, padding=padding)


def _shapes(table: GraphTable, floor: Padding) -> list[tuple[np.ndarray, Padding]]:
    """Configurations that fit the floor, and larger ones apart: else all would be padded like these.

    Returns:
        Indices and padding of each class that has members.
    """
    fits = table.fits(floor)
    need = table.padding
    largest = Padding(round_up(need.atoms, 32), round_up(need.pairs, 512), round_up(need.width, 8))
    classes = [(np.flatnonzero(fits), floor), (np.flatnonzero(~fits), largest)]
    return [(members, padding) for members, padding in classes if len(members)]


@lru_cache(maxsize=8)
def _program(config: Config) -> Compiled:
    return Compiled(lambda params, batch, *head: energy_forces(params, config, batch, *head))
