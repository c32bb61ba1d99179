"""A bound on steps: what makes it impossible for an inner loop to diverge.

A step u longer than the limit is shortened to it: u' = L u / |u|. Gradients may be as large as they like.
"""

from __future__ import annotations

import math

import torch

__all__ = ["bounded", "limit_of", "pulled_back"]

Params = dict[str, torch.Tensor]


def limit_of(bound: float, weights: Params) -> float:
    """The longest step: ``bound`` in root mean square over the ``weights`` that move; 0 is no bound."""
    return bound * sum(w.numel() for w in weights.values()) ** 0.5 if bound else math.inf


def bounded(step: Params, limit: float) -> Params:
    """The step, shortened to the limit if there is one; no step at all where it is not finite."""
    if math.isinf(limit):
        return step
    norm = _norm(step)
    if not math.isfinite(norm):
        return {k: torch.zeros_like(s) for k, s in step.items()}
    return {k: s * (limit / norm) for k, s in step.items()} if norm > limit else step


def pulled_back(adjoint: Params, step: Params, limit: float) -> Params:
    """The adjoint of a step, from that of the shortened one: L / |u| (1 − u uᵀ / |u|²), or the same."""
    if math.isinf(limit) or not (norm := _norm(step)) > limit:
        return adjoint
    share = float(sum((step[k] * adjoint[k]).sum() for k in step)) / norm**2
    return {k: (limit / norm) * (a - share * step[k]) for k, a in adjoint.items()}


def _norm(step: Params) -> float:
    return float(sum((s * s).sum() for s in step.values()) ** 0.5)
