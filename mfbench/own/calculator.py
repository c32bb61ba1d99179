"""A model as an ASE calculator, with its error bars among the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.errors import PredictionError

__all__ = ["Uncertain", "calculator_of"]


@dataclass(frozen=True, eq=False)
class Uncertain:
    """Error bars of one configuration: half-widths of intervals with the stated coverage.

    Attributes:
        energy: eV.
        forces: [atoms, 3] eV/Å.
    """

    energy: float
    forces: np.ndarray


def calculator_of(
    predict: Callable[[Sequence[Configuration]], list[Prediction]],
    predict_with_uncertainty: Callable[[Sequence[Configuration]], list[tuple[Prediction, Uncertain]]]
    | None,
    charge: int | None,
    usual_charge: int,
    n_unpaired: int,
) -> Any:
    """An ``ase.calculators.calculator.Calculator``.

    ``results`` hold ``energy`` and ``free_energy`` (eV), ``forces`` (eV/Å) and, where there are error bars,
    ``energy_uncertainty`` and ``forces_uncertainty``: half-widths of the calibrated intervals.

    Args:
        predict: energies and forces of configurations.
        predict_with_uncertainty: the same with error bars; None: without.
        charge: total charge; None: ``atoms.info["charge"]``, or ``usual_charge`` where there is none.
        usual_charge: that of the labels.
        n_unpaired: unpaired electrons.
    """
    from ase.calculators.calculator import Calculator, all_changes

    class AdaptedCalculator(Calculator):
        implemented_properties: list[str] = ["energy", "free_energy", "forces"]  # noqa: RUF012

        def calculate(
            self,
            atoms: Any = None,
            properties: Sequence[str] = ("energy",),
            system_changes: Sequence[str] = all_changes,
        ) -> None:
            super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
            asked: Any = self.atoms
            total = charge if charge is not None else int(asked.info.get("charge", usual_charge))
            one = Configuration(
                np.asarray(asked.numbers, np.int32), np.asarray(asked.positions, float), total, n_unpaired
            )
            results: dict[str, Any] = {}
            if predict_with_uncertainty is not None:
                ((prediction, bars),) = predict_with_uncertainty([one])
                results = {"energy_uncertainty": bars.energy, "forces_uncertainty": bars.forces}
            else:
                (prediction,) = predict([one])
            if not (np.isfinite(prediction.energy) and np.all(np.isfinite(prediction.forces))):
                raise PredictionError("the model's energy or forces are not finite at this geometry")
            self.results = {
                "energy": prediction.energy,
                "free_energy": prediction.energy,
                "forces": prediction.forces,
                **results,
            }

    return AdaptedCalculator()  # type: ignore[no-untyped-call]
