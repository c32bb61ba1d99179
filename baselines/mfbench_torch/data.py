"""Labelled configurations as batches with targets, prepared once and taken by index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.learned.architectures.registry import Config
from mfbench.protocol.energy_baseline import EnergyBaseline, correction_kernel
from mfbench_torch.meta.objective import Labels
from mfbench_torch.models.graphs import GraphBatch, GraphTable

__all__ = ["Batch", "Dataset"]

Batch = tuple[GraphBatch, Labels]


class Dataset:
    """Labelled configurations with energies beyond the baseline.

    Args:
        configurations: labelled, n of them.
        config: architecture (elements and cutoff decide the arrays).
        baseline: subtracted from the energies; says the prior of the correction.
        corrected: whether the energy loss of a batch leaves out what the closed-form correction can
            explain (inside an episode) or not (joint training).
        scale: of the correction's prior, see ``mfbench.protocol.energy_baseline.correction_kernel``.
        dtype, place: of the tensors.
    """

    def __init__(
        self,
        configurations: Sequence[Configuration],
        config: Config,
        baseline: EnergyBaseline,
        *,
        corrected: bool,
        scale: float = 1.0,
        dtype: torch.dtype = torch.float32,
        place: torch.device | str = "cpu",
    ) -> None:
        self.configurations = configurations
        self.table = GraphTable(configurations, config)
        self.table.energy = self.table.energy - baseline.energies(configurations)
        pair, prior = (configurations, configurations), baseline.prior
        self.kernel = correction_kernel(*pair, scale=scale, prior=prior) if corrected else None
        self.dtype, self.place = dtype, place

    def __len__(self) -> int:
        """Number of configurations."""
        return len(self.configurations)

    def batch(self, indices: np.ndarray) -> Batch:
        """The configurations at ``indices``, and their targets."""
        graph = self.table.take(indices, self.dtype, self.place)
        metric = whitener = np.eye(len(indices))
        if self.kernel is not None:
            covariance = self.kernel[np.ix_(indices, indices)] + metric
            metric, whitener = np.linalg.inv(covariance), np.linalg.inv(np.linalg.cholesky(covariance))
        return graph, Labels(graph.energy, graph.forces, self.tensor(metric), self.tensor(whitener))

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        """An array like those of the batches."""
        return torch.from_numpy(array).to(self.place, self.dtype)

    def batches(self, indices: np.ndarray) -> list[Batch]:
        """[n, b] indices as n batches."""
        return [self.batch(row) for row in indices]
