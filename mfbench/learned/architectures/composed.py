"""Weights that are made of others, in a dictionary of weights of any backend (or of NumPy).

*Context* (CAVIA, Zintgraf et al. 2019): a short vector c says where a task lies on a learned plane through
the weights, W + Σ_k c_k D_k. A context that is fed into a layer is the case in which that layer alone has
a D.
*LoRA* (Hu et al. 2022): W + A B with A and B of low rank, matrix by matrix.

Networks never see either: they are added up first, by operations that all backends spell alike, so that
gradients go through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["CONTEXT", "LORA", "composed", "context_plane", "low_rank"]

CONTEXT = "context.vector"
"""c [d]."""
LORA = "lora"
"""Beginning of the names of low-rank additions."""
_PLANE = "context.plane."
_LEFT, _RIGHT = f"{LORA}.left.", f"{LORA}.right."


def context_plane(weights: Mapping[str, Any], size: int) -> dict[str, np.ndarray]:
    """D of every weight: [d, number of values], at first zero."""
    return {_PLANE + name: np.zeros((size, int(np.size(w))), np.float32) for name, w in weights.items()}


def low_rank(weights: Mapping[str, Any], rank: int, seed: int) -> dict[str, np.ndarray]:
    """A and B of every weight that is a matrix or a stack of them; B is zero, so nothing changes yet."""
    rng, made = np.random.default_rng([seed, 7]), {}
    for name, weight in weights.items():
        shape = np.shape(weight)
        if len(shape) < 2:
            continue
        width = min(rank, *shape[-2:])
        left = rng.standard_normal((*shape[:-1], width)) / width**0.5
        made[_LEFT + name] = left.astype(np.float32)
        made[_RIGHT + name] = np.zeros((*shape[:-2], width, shape[-1]), np.float32)
    return made


def composed(params: Mapping[str, Any]) -> dict[str, Any]:
    """The weights alone, with all that is added to them."""
    weights = {k: w for k, w in params.items() if not k.startswith((CONTEXT, _PLANE, f"{LORA}."))}
    if len(weights) == len(params):
        return weights
    for name in list(weights):
        if _PLANE + name in params:
            along = params[CONTEXT] @ params[_PLANE + name]
            weights[name] = weights[name] + along.reshape(weights[name].shape)
        if _LEFT + name in params:
            weights[name] = weights[name] + params[_LEFT + name] @ params[_RIGHT + name]
    return weights
