"""The inner loop: a few preconditioned gradient steps on a support set.

θ_{k+1} = θ_k − [α P ∇L(θ_k)], where [] shortens a step that is too long (see ``bound``) and P is a fixed
diagonal: the inverse root of the second moments of the warm start's gradients (what Adam would divide by).
P does not depend on θ, so the derivative of a step that was not shortened is exactly 1 − α P H(θ_k): one
Hessian-vector product. Weights without an entry in P do not move (P = 0): ANIL (Raghu et al. 2020) is
MAML with a P for the head alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from mfbench_jax.meta.bound import NO_LIMIT, Limit, bounded

__all__ = ["Gradient", "InnerProblem", "inner_loop", "inner_step", "preconditioned", "step_of"]

Params = dict[str, jax.Array]
Gradient = Callable[[Params, Any], Params]
"""(params, one inner batch) → gradient of the support loss."""
QueryLoss = Callable[[Params, Any], jax.Array]
"""(params, query) → loss, a scalar."""


def preconditioned(vector: Params, precondition: Params) -> Params:
    """P v, element by element; zero where P has no entry."""
    return {k: precondition[k] * v if k in precondition else jnp.zeros_like(v) for k, v in vector.items()}


def step_of(descent: Params, rate: jax.Array, factors: Params | None = None) -> Params:
    """α ρ descent; ``factors`` holds ρ by name, 1 where it has no entry."""
    factors = factors or {}
    return {k: rate * factors.get(k, 1.0) * d for k, d in descent.items()}


def inner_step(
    theta: Params,
    descent: Params,
    rate: jax.Array,
    factors: Params | None = None,
    limit: Limit = NO_LIMIT,
) -> Params:
    """θ − [α ρ descent], the step being no longer than ``limit``."""
    step = bounded(step_of(descent, rate, factors), limit)
    return {k: t - step[k] for k, t in theta.items()}


def inner_loop(
    params: Params,
    gradient: Gradient,
    batches: Any,
    rate: jax.Array,
    precondition: Params,
    limit: Limit = NO_LIMIT,
) -> tuple[Params, tuple[Params, Params]]:
    """Adapt over the leading axis of ``batches``.

    Returns:
        θ_n, and the stacks of θ_0 … θ_{n−1} and of P ∇L there: all that the outer gradient needs to keep,
        so that memory does not grow with activations of earlier steps.
    """

    def step(theta: Params, batch: Any) -> tuple[Params, tuple[Params, Params]]:
        descent = preconditioned(gradient(theta, batch), precondition)
        return inner_step(theta, descent, rate, limit=limit), (theta, descent)

    return jax.lax.scan(step, params, batches)


@dataclass(frozen=True, eq=False)
class InnerProblem:
    """One task as a meta-learner sees it: what the inner loop learns from, and what judges the outcome.

    It is made inside a program: the functions are no data that a program could take in.

    Attributes:
        gradient: (params, one inner batch) → gradient of the support loss, shaped like the params.
        query_loss: (params, ``query``) → loss, a scalar.
        batches: n inner batches, along a leading axis [n, ...] of every array.
        query: what the adapted weights are judged on.
        rate: α, a scalar.
        precondition: P by the name of a weight, of its shape; weights without an entry do not move.
        limit: the longest inner step, a scalar; see ``bound``.
    """

    gradient: Gradient
    query_loss: QueryLoss
    batches: Any
    query: Any
    rate: jax.Array
    precondition: Params
    limit: Limit = NO_LIMIT

    def solve(self, params: Params) -> tuple[Params, tuple[Params, Params]]:
        """θ_n and the trail to it, see ``inner_loop``."""
        return inner_loop(params, self.gradient, self.batches, self.rate, self.precondition, self.limit)
