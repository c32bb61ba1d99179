"""Labelled configurations as padded batches with targets, prepared once and taken by index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.learned.architectures.registry import Config
from mfbench.protocol.energy_baseline import EnergyBaseline, correction_kernel
from mfbench_jax.meta.objective import Labels
from mfbench_jax.models.graphs import GraphBatch, GraphTable, Padding, padding_for

__all__ = ["Dataset", "slots"]


def slots(configurations: Sequence[Configuration], config: Config, floor: Padding | None = None) -> Padding:
    """Padding that holds the configurations and is at least ``floor``: one shape for all episodes."""
    need = padding_for(configurations, config)
    return need if floor is None else Padding(*map(max, need, floor))


class Dataset:
    """Labelled configurations with energies beyond the baseline.

    Args:
        configurations: labelled, n of them.
        config: architecture (elements and cutoff decide the arrays).
        baseline: subtracted from the energies; says the prior of the correction.
        corrected: whether the energy loss of a batch leaves out what the closed-form correction can
            explain (inside an episode) or not (joint training).
        scale: of the correction's prior, see ``mfbench.protocol.energy_baseline.correction_kernel``.
        padding: slots per configuration; what the configurations need by default.
        dtype: of the arrays.
    """

    def __init__(
        self,
        configurations: Sequence[Configuration],
        config: Config,
        baseline: EnergyBaseline,
        *,
        corrected: bool,
        scale: float = 1.0,
        padding: Padding | None = None,
        dtype: type = np.float32,
    ) -> None:
        self.configurations = configurations
        self.table = GraphTable(configurations, config, padding=padding)
        self.table.energy = self.table.energy - baseline.energies(configurations)
        pair, prior = (configurations, configurations), baseline.prior
        self.kernel = correction_kernel(*pair, scale=scale, prior=prior) if corrected else None
        self.dtype = dtype

    def __len__(self) -> int:
        """Number of configurations."""
        return len(self.configurations)

    def batch(
        self, indices: np.ndarray, size: int, padding: Padding | None = None
    ) -> tuple[GraphBatch, Labels]:
        """The configurations at ``indices`` in a batch padded to ``size``, and its targets.

        ``padding`` trims the slots of each configuration.
        """
        graph = self.table.take(indices, size=size, padding=padding, dtype=self.dtype)
        count = len(indices)
        metric: np.ndarray = np.zeros((size, size), self.dtype)
        whitener = np.zeros_like(metric)
        if self.kernel is None:
            metric[:count, :count] = whitener[:count, :count] = np.eye(count)
        else:
            covariance = self.kernel[np.ix_(indices, indices)] + np.eye(count)
            metric[:count, :count] = np.linalg.inv(covariance)
            whitener[:count, :count] = np.linalg.inv(np.linalg.cholesky(covariance))
        labels = Labels(
            energy=graph.energy,
            forces=graph.forces,
            metric=metric,
            whitener=whitener,
            count=np.asarray(count, self.dtype),
            atoms=graph.atom_mask.astype(self.dtype),
        )
        return graph, labels

    def batches(self, indices: np.ndarray, size: int) -> tuple[GraphBatch, Labels]:
        """[n, b] indices as n batches, stacked on a leading axis (for a scan)."""
        made = [self.batch(row, size) for row in indices]
        return _stack(made)


def _stack(trees: list[tuple[GraphBatch, Labels]]) -> tuple[GraphBatch, Labels]:
    graphs, labels = zip(*trees, strict=True)
    return (
        GraphBatch(*(np.stack(leaves) for leaves in zip(*graphs, strict=True))),
        Labels(*(np.stack(leaves) for leaves in zip(*labels, strict=True))),
    )
