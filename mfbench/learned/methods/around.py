"""A predictor around another one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from mfbench.data.configuration import Configuration, Prediction
from mfbench.protocol.method import Predictor, silent_predict

__all__ = ["Around"]


class Around(ABC):
    """What the inner predictor says, with something added: with its uncertainties, or without them."""

    inner: Predictor

    @abstractmethod
    def _added(
        self, found: Sequence[Prediction], configurations: Sequence[Configuration]
    ) -> list[Prediction]:
        """The inner predictions with what this one adds."""

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Total energies (eV) and forces (eV/Å)."""
        return self._added(self.inner.predict(configurations), configurations)

    def predict_silently(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """The same without uncertainties, where the inner predictor can leave them out."""
        return self._added(silent_predict(self.inner)(configurations), configurations)
