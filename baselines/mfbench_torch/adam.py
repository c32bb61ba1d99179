"""Adam (Kingma & Ba 2015) as a pure function on dictionaries, with optax's constants."""

from __future__ import annotations

from typing import NamedTuple

import torch

__all__ = ["AdamState", "adam_direction", "adam_start", "clipped"]

Params = dict[str, torch.Tensor]
_B1, _B2, _EPS = 0.9, 0.999, 1e-8


class AdamState(NamedTuple):
    """Attributes: count: steps taken; mean, square: decayed first and second moments by name."""

    count: int  # type: ignore[assignment]
    mean: Params
    square: Params


def adam_start(params: Params) -> AdamState:
    """Nothing seen yet."""
    return AdamState(0, *({k: torch.zeros_like(v) for k, v in params.items()} for _ in range(2)))


def adam_direction(gradient: Params, state: AdamState) -> tuple[Params, AdamState]:
    """Bias-corrected m / (√v + ε), and the state after this gradient."""
    count = state.count + 1
    mean = {k: _B1 * state.mean[k] + (1 - _B1) * g for k, g in gradient.items()}
    square = {k: _B2 * state.square[k] + (1 - _B2) * g**2 for k, g in gradient.items()}
    c1, c2 = 1 - _B1**count, 1 - _B2**count
    direction = {k: (mean[k] / c1) / ((square[k] / c2).sqrt() + _EPS) for k in gradient}
    return direction, AdamState(count, mean, square)


def clipped(gradient: Params, norm: float) -> Params:
    """The gradient, scaled down to a global norm of at most ``norm``."""
    found = sum((g**2).sum() for g in gradient.values()) ** 0.5
    return gradient if found < norm else {k: g * (norm / found) for k, g in gradient.items()}
