"""Ways to fine-tune a foreign model: which numbers move, and what weights they make.

Names as in the literature on fine-tuning (e.g. arXiv 2606.12704, 2502.15582):

- ``none``: zero-shot.
- ``full``: all weights.
- ``head``: the last layers, those that make energies of features.
- ``frozen``: the upper half: embeddings and first interactions stay.
- ``lora``: a low-rank update of every linear layer, equivariant ones included.
- ``replay``: all weights, and half of every step's batch is other molecules, so that the network stays
  right elsewhere (see ``replay``).
- ``delta``: the model stays as it is, and a small network learns what it leaves over (see ``delta``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from mfbench.errors import MfbenchError, UnknownNameError
from mfbench_torch.foreign.low_rank import linear_maps, low_rank
from mfbench_torch.foreign.model import ForeignModel

__all__ = ["STRATEGIES", "Moving", "check_strategy", "moving_of"]

Params = dict[str, torch.Tensor]
STRATEGIES = ("none", "full", "head", "frozen", "lora", "replay", "delta")


@dataclass(frozen=True, eq=False)
class Moving:
    """What a strategy trains.

    Attributes:
        fixed: all weights of the model, as they came.
        start: seed → numbers that move, by name.
        weights: (fixed, numbers that move) → all weights.
    """

    fixed: Params
    start: Callable[[int], Params]
    weights: Callable[[Params, Params], Params]

    def names(self) -> list[str]:
        """Of what moves."""
        return list(self.start(0))

    def count(self) -> int:
        """How many numbers move."""
        return sum(value.numel() for value in self.start(0).values())

    def assembled(self, moving: Params) -> Params:
        """All weights of the model."""
        return self.weights(self.fixed, moving)


def check_strategy(name: str) -> str:
    """``name``, if there is such a strategy.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in STRATEGIES:
        raise UnknownNameError(f"unknown strategy '{name}': choose one of {', '.join(STRATEGIES)}")
    return name


def moving_of(model: ForeignModel, strategy: str, rank: int) -> Moving:
    """What a strategy trains of a model.

    Args:
        model: of a family.
        strategy: ``full``, ``replay``, ``head``, ``frozen`` or ``lora``.
        rank: of ``lora``.

    Raises:
        MfbenchError: the model has no such weights.
    """
    fixed = {name: value.detach() for name, value in model.module.named_parameters()}
    trainable = {n: v for n, v in fixed.items() if n not in model.fixed and v.is_floating_point()}
    if strategy == "lora":
        maps = [one for one in linear_maps(model.module, model.stacked) if one.weight in trainable]
        update = low_rank(maps, rank)
        return Moving(fixed, lambda seed: update.start(fixed, seed), update.applied)
    beginnings = {"head": model.head, "frozen": model.upper}.get(strategy, ("",))
    chosen = {name: value for name, value in trainable.items() if name.startswith(beginnings)}
    if not chosen:
        raise MfbenchError(
            f"{model.card.name} has no weights for the strategy '{strategy}': choose another"
        )
    return Moving(fixed, lambda seed: chosen, lambda whole, moving: whole | moving)
