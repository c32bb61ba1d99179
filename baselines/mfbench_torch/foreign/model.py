"""What a family of foreign models brings: a module, its energies and forces, and what it says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.errors import PredictionError
from mfbench.learned.architectures.mace import MaceConfig
from mfbench.methods.public_models import ModelCard
from mfbench_torch.device import device
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.predictor import predictions

__all__ = [
    "EnergyForces",
    "ForeignModel",
    "ForeignNetwork",
    "Remembered",
    "check_supported",
    "graph_config",
    "unsupported",
]

Params = dict[str, torch.Tensor]
EnergyForces = tuple[torch.Tensor, torch.Tensor]
"""Energies [B] in eV, on a zero of the model's own, and forces [N, 3] in eV/Å."""


@dataclass(frozen=True, eq=False)
class ForeignModel(ABC):
    """A model of a family.

    Attributes:
        card: what it says of itself; its elements are those that it knows.
        module: with the weights that it came with; they are never written to.
        r_max: Å, of the pairs that its graphs hold.
        head: beginnings of the names of its last layers (strategy ``head``).
        upper: beginnings of the names of what ``frozen`` trains; the rest stays as it was.
        fixed: names of weights that no strategy trains: energies of atoms, which are solved for.
        stacked: last parts of the names of weights that are matrices outside of a linear layer.
    """

    card: ModelCard
    module: torch.nn.Module
    r_max: float
    head: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    stacked: tuple[str, ...] = ()

    @abstractmethod
    def energy_forces(self, weights: Params, batch: GraphBatch, training: bool) -> EnergyForces:
        """With ``weights`` in place of the module's own; ``training``: forces can be differentiated."""


def graph_config(model: ForeignModel) -> MaceConfig:
    """What graphs are made with: elements and cutoff; the rest means nothing here."""
    return MaceConfig(elements=model.card.elements, r_max=model.r_max)


def unsupported(card: ModelCard, configuration: Configuration) -> str | None:
    """Why the model cannot do a configuration; None: it can."""
    numbers = sorted({int(z) for z in configuration.atomic_numbers} - set(card.elements))
    if numbers:
        known = ", ".join(map(str, card.elements))
        return f"{card.name} was not trained on atomic number {numbers[0]} (it knows {known})"
    if configuration.n_unpaired and card.spins is False:
        return f"{card.name} was not trained on open shells ({configuration.n_unpaired} unpaired electrons)"
    return None


def check_supported(card: ModelCard, configurations: Sequence[Configuration]) -> None:
    """Refuse what the model was not made for.

    Raises:
        PredictionError: an element or an open shell that it does not know.
    """
    for c in configurations:
        if reason := unsupported(card, c):
            raise PredictionError(reason)


@dataclass(frozen=True, eq=False)
class ForeignNetwork:
    """A model with weights, as a function of configurations.

    Attributes:
        model: of a family.
        params: all its weights by name.
    """

    model: ForeignModel
    params: Params

    @property
    def dtype(self) -> torch.dtype:
        """Of all computations."""
        return next(iter(self.params.values())).dtype

    def __call__(self, configurations: Sequence[Configuration]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Energies [n] on the model's own zero and forces, in NumPy.

        Raises:
            PredictionError: an element or an open shell that it does not know.
        """
        check_supported(self.model.card, configurations)

        def evaluate(batch: GraphBatch) -> EnergyForces:
            energies, forces = self.model.energy_forces(self.params, batch, False)
            return energies.detach(), forces.detach()

        config: Any = graph_config(self.model)
        return predictions(evaluate, config, configurations, self.dtype, device())


@dataclass(frozen=True, eq=False)
class Remembered:
    """A network that nothing will change: each configuration is computed once, since episodes ask again.

    Attributes:
        network: of frozen weights.
        known: what was computed, by atoms, positions, charge and unpaired electrons.
    """

    network: ForeignNetwork
    known: dict[tuple[Any, ...], tuple[float, np.ndarray]] = field(default_factory=dict)

    def __call__(self, configurations: Sequence[Configuration]) -> tuple[np.ndarray, list[np.ndarray]]:
        """See ``ForeignNetwork``."""
        keys = [_key(c) for c in configurations]
        new = {k: c for k, c in zip(keys, configurations, strict=True) if k not in self.known}
        energies, forces = self.network(list(new.values()))
        self.known.update(zip(new, zip(energies.tolist(), forces, strict=True), strict=True))
        found = [self.known[k] for k in keys]
        return np.array([energy for energy, _ in found]), [force for _, force in found]


def _key(c: Configuration) -> tuple[Any, ...]:
    positions = np.asarray(c.positions, np.float64).tobytes()
    return np.asarray(c.atomic_numbers, int).tobytes(), positions, c.total_charge, c.n_unpaired
