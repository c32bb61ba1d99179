"""A labelled molecular configuration, and what a method says about one. Energies in eV, lengths in Å."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mfbench.errors import DataError, ProtocolError

__all__ = ["EV_TO_KCAL_MOL", "Configuration", "Prediction"]

EV_TO_KCAL_MOL = 23.060547830619026
"""kcal/mol in one eV (CODATA 2018: N_A e / 4184 J)."""


@dataclass(frozen=True, eq=False)
class Configuration:
    """One geometry of one fragment, with its label.

    Attributes:
        atomic_numbers: [n] int32.
        positions: [n, 3] float64, Å, on the storage grid (2⁻¹³ Å).
        total_charge: in units of e.
        n_unpaired: number of unpaired electrons.
        energy: total energy in eV, or None where there is no label.
        forces: [n, 3] float64, eV/Å (minus the gradient), or None where there is no label.
        config_id, fragment_id, trajectory_id: names in the data set; empty for a user's own data.
        temperature_K: sampling temperature; NaN where unknown.
        sampler: how the geometry was made.
        graph_id: molecular graph of its fragment; empty for a user's own data. Along a reaction bonds
            change and this does not: it is the graph of the reactants.
    """

    atomic_numbers: np.ndarray
    positions: np.ndarray
    total_charge: int = 0
    n_unpaired: int = 0
    energy: float | None = None
    forces: np.ndarray | None = None
    config_id: str = ""
    fragment_id: str = ""
    trajectory_id: str = ""
    temperature_K: float = float("nan")
    sampler: str = ""
    graph_id: str = ""

    def __len__(self) -> int:
        """Number of atoms."""
        return len(self.atomic_numbers)

    def blind(self) -> Configuration:
        """What ``predict`` may see: atoms, positions, charge, unpaired electrons and the molecular graph.

        Reading a label of a blind configuration raises ``ProtocolError``, so that a method which
        depends on the answer fails loudly instead of winning.
        """
        return BlindConfiguration(
            self.atomic_numbers,
            self.positions,
            self.total_charge,
            self.n_unpaired,
            graph_id=self.graph_id,
        )

    @property
    def label(self) -> tuple[float, np.ndarray]:
        """Energy in eV and forces [n, 3] in eV/Å.

        Raises:
            DataError: it has none.
        """
        if self.energy is None or self.forces is None:
            raise DataError(f"configuration {self.config_id or 'without a name'} has no label")
        return self.energy, self.forces

    def with_label(self, energy: float, forces: np.ndarray) -> Configuration:
        """The same geometry with another label (energy in eV, forces [n, 3] in eV/Å)."""
        return replace(self, energy=energy, forces=forces)


_HIDDEN = frozenset(
    {"energy", "forces", "config_id", "fragment_id", "trajectory_id", "temperature_K", "sampler"}
)


class BlindConfiguration(Configuration):
    """A query configuration: its labels and names cannot be read."""

    def __getattribute__(self, name: str) -> Any:
        if name in _HIDDEN:
            raise ProtocolError(
                f"a query configuration has no '{name}': predict() sees atomic_numbers, positions, "
                "total_charge, n_unpaired and graph_id only"
            )
        return super().__getattribute__(name)

    def __repr__(self) -> str:
        return f"BlindConfiguration({len(self)} atoms, charge {self.total_charge})"


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method predicts for one configuration.

    Attributes:
        energy: total energy in eV, on the scale of the data set's labels.
        forces: [n, 3] eV/Å.
        energy_std: standard deviation of the energy's error in eV, as the method states it; None: it states
            none.
        forces_std: [n, 3] eV/Å, the same of every force component.
    """

    energy: float
    forces: np.ndarray
    energy_std: float | None = None
    forces_std: np.ndarray | None = None
