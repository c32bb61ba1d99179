"""Any learned method on a base level: Δ-learning (Ramakrishnan et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mfbench.data.configuration import Configuration, Prediction
from mfbench.errors import CheckpointError
from mfbench.learned.base_level import BaseLevel, differences
from mfbench.learned.methods.around import Around
from mfbench.protocol.method import Method, MethodContext, Predictor
from mfbench.protocol.protocol import Budget

__all__ = ["OnBase", "on_base"]

_OPTION = "base"


@dataclass(eq=False)
class OnBase:
    """A method that learns what a base level leaves.

    Attributes:
        inner: the method; its support and its predictions are differences.
        base: the level.
    """

    inner: Method
    base: BaseLevel

    def __post_init__(self) -> None:
        """The method's own name and card, and the level beside it."""
        self.name = self.inner.name
        self.card = {**getattr(self.inner, "card", {}), _OPTION: self.base.name}

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> _OnBasePredictor:
        """Adapt the method to what the level leaves of the support."""
        found = self.inner.adapt(self.base.below(support), budget=budget, seed=seed)
        return _OnBasePredictor(found, self.base)


@dataclass(eq=False)
class _OnBasePredictor(Around):
    inner: Predictor
    base: BaseLevel

    @property
    def usage(self) -> Any:
        """What adapting the method cost, in gradients; the level's time is in the seconds."""
        return getattr(self.inner, "usage", None)

    @property
    def params(self) -> Any:
        """Weights of the method's model."""
        return getattr(self.inner, "params", None)

    def _added(
        self, found: Sequence[Prediction], configurations: Sequence[Configuration]
    ) -> list[Prediction]:
        pairs = zip(self.base(configurations), found, strict=True)
        return [replace(p, energy=b.energy + p.energy, forces=b.forces + p.forces) for b, p in pairs]


def on_base(
    make: Callable[[MethodContext], Method], default: str = ""
) -> Callable[[MethodContext], Method]:
    """A factory that also takes the option ``base``, the name of a level; ``default``: if it is not given.

    Raises, when it is called:
        CheckpointError: the start was trained on another base, or on none.
        UnknownNameError: there is no such level.
    """

    def factory(context: MethodContext) -> Method:
        options = dict(context.options)
        name = str(options.pop(_OPTION, default))
        context = replace(context, options=options)
        if not name:
            return _checked(make(context), name)
        base = BaseLevel(name, context.split)
        left = replace(context, split=differences(context.split, base, ("train",)))
        return OnBase(_checked(make(left), name), base)

    return factory


def _checked(method: Method, base: str) -> Method:
    card = getattr(getattr(method, "checkpoint", None), "card", {})
    trained = card.get("settings", {}).get(_OPTION, "")
    if card and trained != base:
        raise CheckpointError(
            f"this start was trained on {_labels(trained)}, not on {_labels(base)}: choose another start, "
            "or another --option base"
        )
    return method


def _labels(base: str) -> str:
    return f"what {base} leaves" if base else "whole labels"
