"""An adapted model as an ASE calculator, with its error bars among the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import PredictionError
from mfbench.own.model import AdaptedModel

__all__ = ["calculator_of"]


def calculator_of(
    model: AdaptedModel, *, charge: int | None = None, n_unpaired: int = 0, uncertainty: bool = True
) -> Any:
    """An ``ase.calculators.calculator.Calculator``.

    ``results`` hold ``energy`` and ``free_energy`` (eV), ``forces`` (eV/Å) and, where the model has error
    bars, ``energy_uncertainty`` and ``forces_uncertainty``: half-widths of the calibrated intervals.

    Args:
        model: adapted.
        charge: total charge; default: ``atoms.info["charge"]``, or that of the labels.
        n_unpaired: unpaired electrons.
        uncertainty: False: the first member alone, which is as many times faster as there are members.
    """
    from ase.calculators.calculator import Calculator, all_changes

    charges: Sequence[int] = model.card.get("charges", [0])
    single = AdaptedModel(model.members[:1], None, model.card, model.engine)

    class AdaptedCalculator(Calculator):  # type: ignore[misc]
        implemented_properties = ("energy", "free_energy", "forces")

        def calculate(
            self,
            atoms: Any = None,
            properties: Sequence[str] = ("energy",),
            system_changes: Sequence[str] = all_changes,
        ) -> None:
            super().calculate(atoms, properties, system_changes)
            asked = self.atoms
            total = charge if charge is not None else int(asked.info.get("charge", charges[0]))
            one = Configuration(
                np.asarray(asked.numbers, np.int32), np.asarray(asked.positions, float), total, n_unpaired
            )
            if uncertainty and model.calibration is not None:
                ((prediction, bars),) = model.predict_with_uncertainty([one])
                self.results = {"energy_uncertainty": bars.energy, "forces_uncertainty": bars.forces}
            else:
                (prediction,) = (model if uncertainty else single).predict([one])
                self.results = {}
            if not (np.isfinite(prediction.energy) and np.all(np.isfinite(prediction.forces))):
                raise PredictionError("the model's energy or forces are not finite at this geometry")
            self.results |= {
                "energy": prediction.energy,
                "free_energy": prediction.energy,
                "forces": prediction.forces,
            }

    return AdaptedCalculator()
