"""The inner loop: a few preconditioned gradient steps on a support set.

θ_{k+1} = θ_k − [α P ∇L(θ_k)], where [] shortens a step that is too long (see ``bound``) and P is a fixed
diagonal: the inverse root of the second moments of the warm start's gradients (what Adam would divide by).
P does not depend on θ, so the derivative of a step that was not shortened is exactly 1 − α P H(θ_k): one
Hessian-vector product. Weights without an entry in P do not move (P = 0): ANIL (Raghu et al. 2020) is
MAML with a P for the head alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mfbench_torch.meta.bound import bounded

__all__ = [
    "InnerProblem",
    "Loss",
    "gradient_of",
    "hessian_vector",
    "inner_loop",
    "inner_step",
    "preconditioned",
    "step_of",
    "value_and_gradient",
]

Params = dict[str, torch.Tensor]
Factors = Mapping[str, torch.Tensor | float]
"""ρ of the weight arrays by name."""
Loss = Callable[[Params, Any], torch.Tensor]
"""(params, data) → scalar, differentiable twice in the parameters."""


def value_and_gradient(loss: Loss, params: Params, data: Any) -> tuple[torch.Tensor, Params]:
    """Loss and its gradient, both without a graph."""
    leaves = _leaves(params)
    value = loss(leaves, data)
    gradient = torch.autograd.grad(value, list(leaves.values()), materialize_grads=True)
    return value.detach(), dict(zip(leaves, gradient, strict=True))


def gradient_of(loss: Loss, params: Params, data: Any) -> Params:
    """Gradient of the loss, without a graph."""
    return value_and_gradient(loss, params, data)[1]


def hessian_vector(loss: Loss, params: Params, data: Any, vector: Params) -> Params:
    """H(params) · vector: the gradient of ⟨∇L, vector⟩, through the force loss (a third derivative)."""
    leaves = _leaves(params)
    wanted = list(leaves.values())
    gradient = torch.autograd.grad(loss(leaves, data), wanted, create_graph=True, materialize_grads=True)
    directions = [vector[name] for name in leaves]
    product = torch.autograd.grad(gradient, wanted, directions, materialize_grads=True)
    return dict(zip(leaves, product, strict=True))


def preconditioned(vector: Params, precondition: Params) -> Params:
    """P v, element by element; zero where P has no entry."""
    return {
        name: precondition[name] * value if name in precondition else torch.zeros_like(value)
        for name, value in vector.items()
    }


def step_of(descent: Params, rate: float, factors: Factors | None = None) -> Params:
    """α ρ descent; ``factors`` holds ρ by name, 1 where it has no entry."""
    factors = factors or {}
    return {k: rate * factors.get(k, 1.0) * d for k, d in descent.items()}


def inner_step(
    theta: Params,
    descent: Params,
    rate: float,
    factors: Factors | None = None,
    limit: float = math.inf,
) -> Params:
    """θ − [α ρ descent], the step being no longer than ``limit``."""
    step = bounded(step_of(descent, rate, factors), limit)
    return {k: value - step[k] for k, value in theta.items()}


def inner_loop(
    params: Params,
    loss: Loss,
    batches: Sequence[Any],
    rate: float,
    precondition: Params,
    limit: float = math.inf,
) -> tuple[Params, list[tuple[Params, Params]]]:
    """Adapt: one step per batch.

    Returns:
        θ_n, and θ_0 … θ_{n−1} with P ∇L there: all that the outer gradient needs to keep, so that memory
        does not grow with activations of earlier steps.
    """
    trail = []
    for batch in batches:
        descent = preconditioned(gradient_of(loss, params, batch), precondition)
        trail.append((params, descent))
        params = inner_step(params, descent, rate, limit=limit)
    return params, trail


@dataclass(frozen=True, eq=False)
class InnerProblem:
    """One task as a meta-learner sees it: what the inner loop learns from, and what judges the outcome.

    Attributes:
        loss: (params, one inner batch) → support loss, a scalar that is differentiable twice.
        query_loss: (params, ``query``) → loss, a scalar.
        batches: n inner batches.
        query: what the adapted weights are judged on.
        rate: α.
        precondition: P by the name of a weight, of its shape; weights without an entry do not move.
        limit: the longest inner step; see ``bound``.
    """

    loss: Loss
    query_loss: Loss
    batches: Sequence[Any]
    query: Any
    rate: float
    precondition: Params
    limit: float = math.inf

    def solve(self, params: Params) -> tuple[Params, list[tuple[Params, Params]]]:
        """θ_n and the trail to it, see ``inner_loop``."""
        return inner_loop(params, self.loss, self.batches, self.rate, self.precondition, self.limit)


def _leaves(params: Params) -> Params:
    # Afresh at every step: a graph that reaches back into an earlier step would be wrong here.
    return {name: value.detach().requires_grad_() for name, value in params.items()}
