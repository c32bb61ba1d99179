"""An adapted model as a predictor: energies and forces in fixed-size batches, corrected in closed form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.learned.architectures.registry import Config
from mfbench.methods.energy_baseline import EnergyBaseline, correction_operator
from mfbench.protocol.method import Usage
from mfbench_jax.compiled import Compiled
from mfbench_jax.models.architecture import energy_forces
from mfbench_jax.models.graph_table import round_up
from mfbench_jax.models.graphs import GraphBatch, GraphTable, Padding

__all__ = ["CorrectedPredictor", "batches", "model_predictions"]

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


@dataclass(eq=False)
class CorrectedPredictor:
    """Baseline + model + closed-form correction.

    Attributes:
        params, config: the adapted model.
        baseline: shared energy baseline.
        support: the labelled support set that the correction is solved on.
        usage: what the adaptation cost.
        floor: usual padding, so that all episodes share one compiled program.
        scale: of the correction's prior.
        head: [F] weights of a linear head on the features, which adds to the network.
    """

    params: dict[str, Any]
    config: Config
    baseline: EnergyBaseline
    support: Sequence[Configuration]
    usage: Usage
    floor: Padding | None = None
    scale: float = 1.0
    head: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Solve nothing yet, but find what the model leaves on the support: [K] eV."""
        labels = np.array([c.energy for c in self.support])
        modelled, _ = model_predictions(self.params, self.config, self.support, self.floor, self.head)
        self.residuals = labels - self.baseline.energies(self.support) - modelled

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Total energies (eV) and forces (eV/Å)."""
        energies, forces = model_predictions(
            self.params, self.config, configurations, self.floor, self.head
        )
        correction = correction_operator(self.support, configurations, scale=self.scale) @ self.residuals
        total = self.baseline.energies(configurations) + energies + correction
        return [Prediction(float(e), f) for e, f in zip(total, forces, strict=True)]
