"""Members that predict together, and how unsure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.learned.engine import Engine
from mfbench.own.fit import Member
from mfbench.own.last_layer import LastLayer, fit_last_layer
from mfbench.own.uncertainty import UNCERTAINTIES, joined

__all__ = ["Committee", "Predicted"]


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a committee says of n configurations.

    Attributes:
        energies: [members, n] eV.
        forces: members × n arrays [atoms, 3], eV/Å.
        energy_spreads: [n] eV, standard deviations.
        force_spreads: n arrays [atoms, 3], eV/Å.
    """

    energies: np.ndarray
    forces: list[list[np.ndarray]]
    energy_spreads: np.ndarray
    force_spreads: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Committee:
    """Adaptations with different seeds.

    Attributes:
        members: at least one; their mean is the prediction.
        last_layer: posterior of the first member's; None: only how members differ counts.
        uncertainty: ``committee``, ``laplace`` or ``both``.
    """

    members: tuple[Member, ...]
    last_layer: LastLayer | None = None
    uncertainty: str = UNCERTAINTIES[0]

    def __post_init__(self) -> None:
        """Refuse what cannot say how unsure it is.

        Raises:
            ValueError: no such uncertainty, or the posterior that it needs is missing.
        """
        if self.uncertainty not in UNCERTAINTIES:
            raise ValueError(f"unknown uncertainty '{self.uncertainty}'")
        if (self.last_layer is None) != (self.uncertainty == UNCERTAINTIES[0]):
            raise ValueError("the posterior of the last layer is missing")

    @classmethod
    def of(
        cls, engine: Engine, members: Sequence[Member], support: Sequence[Configuration], uncertainty: str
    ) -> Committee:
        """From members and the labels that they were adapted to."""
        needed = uncertainty != UNCERTAINTIES[0]
        last = fit_last_layer(engine, members[0], support) if needed else None
        return cls(tuple(members), last, uncertainty)

    def predict(self, engine: Engine, configurations: Sequence[Configuration]) -> Predicted:
        """Energies, forces, and how unsure they are."""
        found = [member.predict(engine, configurations) for member in self.members]
        energies, forces = np.stack([e for e, _ in found]), [f for _, f in found]
        own = None
        if self.last_layer is not None:
            own = self.last_layer.deviations(engine, self.members[0], configurations)
        spreads = []
        for i, c in enumerate(configurations):
            differ = np.std([f[i] for f in forces], axis=0)
            spreads.append(
                joined(self.uncertainty, differ, None if own is None else own[1][i].reshape(len(c), 3))
            )
        energy_spreads = joined(self.uncertainty, energies.std(axis=0), None if own is None else own[0])
        return Predicted(energies, forces, energy_spreads, spreads)
