"""What a method is: ``adapt`` on a support set, then ``predict``. NumPy at the seam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from mfbench.data.configuration import Configuration, Prediction
from mfbench.data.split import Split
from mfbench.protocol.energy_baseline import EnergyBaseline, split_baseline
from mfbench.protocol.protocol import Budget

__all__ = [
    "DEFAULT_ARCH",
    "DEFAULT_BACKEND",
    "Method",
    "MethodContext",
    "Predictor",
    "Usage",
    "silent_predict",
]

DEFAULT_ARCH, DEFAULT_BACKEND = "mace", "jax"


@dataclass(frozen=True)
class Usage:
    """What an adaptation cost, as far as the method knows it.

    Attributes:
        gradient_evaluations: configurations × gradients (closed-form force Jacobians count too).
        compile_seconds: part of the adaptation's wall time that was compilation.
    """

    gradient_evaluations: int = 0
    compile_seconds: float = 0.0


@runtime_checkable
class Predictor(Protocol):
    """An adapted model.

    It may have more: ``usage`` (``Usage``) says what adapting cost; ``params`` (name → array) shows its
    weights, so that one that is not finite fails the episode; ``predict_silently`` predicts the same
    without stating uncertainties, for dynamics and committees, where those cost time and are not read.
    """

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies (eV) and forces (eV/Å) of blind configurations, each one on its own."""
        ...


@runtime_checkable
class Method(Protocol):
    """A few-shot learner."""

    @property
    def name(self) -> str:
        """Shown in tables."""
        ...

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> Predictor:
        """Learn from K labelled configurations (K = 0: an empty support)."""
        ...


def silent_predict(predictor: Predictor) -> Callable[[Sequence[Configuration]], list[Prediction]]:
    """``predict``, without uncertainties where the predictor has that."""
    found: Callable[[Sequence[Configuration]], list[Prediction]] = getattr(
        predictor, "predict_silently", predictor.predict
    )
    return found


@dataclass(frozen=True)
class MethodContext:
    """What a method is made from, if it asks.

    Attributes:
        split: the split it will be tested on; methods may read its meta-train families.
        arch: architecture name, for a method that says which ``backends`` it has.
        checkpoint: path of a checkpoint to use instead of the embedded one.
        options: further keyword options of the method.
    """

    split: Split
    arch: str = DEFAULT_ARCH
    checkpoint: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def baseline(self) -> EnergyBaseline:
        """Energies of atoms and charges, fitted to the train families: what all methods take off first."""
        return split_baseline(self.split)
