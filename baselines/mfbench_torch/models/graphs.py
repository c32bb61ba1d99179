"""From configurations to batches of graphs. Nothing is padded: eager PyTorch takes any shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mfbench.data.configuration import BlindConfiguration
from mfbench.learned.architectures.neighbours import element_indices, neighbour_pairs, size_classes
from mfbench.learned.architectures.registry import Config
from mfbench_torch.models.geometry import Geometry, pair_geometry

__all__ = ["GraphBatch", "GraphTable"]


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """B configurations with N atoms and E directed edges together.

    Attributes:
        positions: [N, 3], Å.
        elements: [N, Z] one-hot.
        edges: [2, 2T] int64: sender, receiver; the T pairs with the first atom receiving, then the second.
        configuration: [N] int64.
        charges: [B, 2], total charge (e) and number of unpaired electrons.
        geometry: of the pairs, computed once: positions never change while a model adapts.
        energy: [B] eV: label, or zero.
        forces: [N, 3] eV/Å: label, or zero.
    """

    positions: torch.Tensor
    elements: torch.Tensor
    edges: torch.Tensor
    configuration: torch.Tensor
    charges: torch.Tensor
    geometry: Geometry
    energy: torch.Tensor
    forces: torch.Tensor

    def __len__(self) -> int:
        """Number of configurations."""
        return len(self.energy)


@dataclass(frozen=True, eq=False)
class _Graph:
    species: np.ndarray
    pairs: tuple[np.ndarray, np.ndarray]
    positions: np.ndarray
    forces: np.ndarray


class GraphTable:
    """A data set as graphs: neighbour pairs are found once, batches taken by index. Labels in float64."""

    def __init__(self, configurations: Sequence[Any], config: Config) -> None:
        """Raises UnknownElementError if the model does not know an element."""
        self.config = config
        self.energy = np.zeros(len(configurations))
        charges = [(x.total_charge, x.n_unpaired) for x in configurations]
        self.charges = torch.tensor(charges, dtype=torch.float64).reshape(-1, 2)
        self._graphs = []
        for k, x in enumerate(configurations):
            positions = np.asarray(x.positions, float)
            forces = np.zeros_like(positions)
            if not isinstance(x, BlindConfiguration) and x.energy is not None and x.forces is not None:
                self.energy[k], forces = x.energy, x.forces
            species = element_indices(x.atomic_numbers, config.elements)
            pairs = neighbour_pairs(positions, config.r_max)
            self._graphs.append(_Graph(species, pairs, positions, forces))
        self.n_atoms = np.array([len(g.species) for g in self._graphs], int)
        self.n_pairs = np.array([len(g.pairs[0]) for g in self._graphs], int)

    def __len__(self) -> int:
        """Number of configurations."""
        return len(self._graphs)

    def size_classes(self, count: int) -> np.ndarray:
        """[m] class of every configuration; see
        ``mfbench.learned.architectures.neighbours.size_classes``."""
        return size_classes(self.n_pairs, count)

    def take(
        self,
        indices: Sequence[int] | np.ndarray,
        dtype: torch.dtype = torch.float32,
        place: torch.device | str = "cpu",
    ) -> GraphBatch:
        """The configurations at ``indices`` as one batch, on the device ``place``."""
        graphs = [self._graphs[i] for i in indices]
        starts = np.cumsum([0, *(len(g.species) for g in graphs)])
        first, second = (
            torch.from_numpy(np.concatenate([g.pairs[k] + s for g, s in zip(graphs, starts, strict=False)]))
            for k in (0, 1)
        )
        positions = torch.from_numpy(np.concatenate([g.positions for g in graphs]))
        species = torch.from_numpy(np.concatenate([g.species for g in graphs]).astype(np.int64))
        geometry = pair_geometry((positions[first] - positions[second]).T, self.config)
        elements = torch.nn.functional.one_hot(species, len(self.config.elements))
        energy = torch.from_numpy(self.energy[np.asarray(indices, int)])
        forces = torch.from_numpy(np.concatenate([g.forces for g in graphs]))
        edges = torch.stack([torch.cat([second, first]), torch.cat([first, second])])
        return GraphBatch(
            positions=positions.to(place, dtype),
            elements=elements.to(place, dtype),
            edges=edges.to(place),
            configuration=torch.from_numpy(np.repeat(np.arange(len(graphs)), np.diff(starts))).to(place),
            charges=self.charges[np.asarray(indices, int)].to(place, dtype),
            geometry=geometry.to(place, dtype),
            energy=energy.to(place, dtype),
            forces=forces.to(place, dtype),
        )
