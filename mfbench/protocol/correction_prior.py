"""What the closed-form energy correction expects a model to miss: the prior spread of each of its terms.

A split with one level of theory asks for little: its labels and the train families' lie on one surface. A
task at another level has errors that every bond of a type shares, and no gradient step should have to find
them. The spreads were chosen on validation families, see ``scripts/energy_correction.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mfbench.data.split import Split

__all__ = ["BETWEEN_LEVELS", "ONE_LEVEL", "CorrectionPrior", "prior_of"]


@dataclass(frozen=True)
class CorrectionPrior:
    """Prior standard deviations, in units of the noise: of what a model leaves within one molecule.

    Attributes:
        element: of a shift per atom of an element.
        graph: of an offset of a molecular graph.
        bond: of a shift per bond of a type (``mfbench.data.bond_types``); 0: there are none.
        charge: of a shift per unit of negative, and per unit of positive charge; 0: there are none.
    """

    element: float = 0.1
    graph: float = 3.0
    bond: float = 0.0
    charge: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> CorrectionPrior:
        """What ``to_dict`` wrote."""
        return cls(**{name: float(value) for name, value in record.items()})


ONE_LEVEL = CorrectionPrior()
"""Elements and whole graphs."""
BETWEEN_LEVELS = CorrectionPrior(bond=3.0, charge=3.0)
"""Between the two, bonds by type, and charges."""


def prior_of(split: Split) -> CorrectionPrior:
    """The prior that every method has on a split: ``BETWEEN_LEVELS`` where tasks differ in their level."""
    return BETWEEN_LEVELS if any(task.level for task in split.tasks) else ONE_LEVEL
