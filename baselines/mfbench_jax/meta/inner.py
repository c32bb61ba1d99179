"""The inner loop: a few preconditioned gradient steps on a support set.

θ_{k+1} = θ_k − α P ∇L(θ_k), with P a fixed diagonal: the inverse root of the second moments of the
warm start's gradients (what Adam would divide by). P does not depend on θ, so the derivative of a
step is exactly 1 − α P H(θ_k): one Hessian-vector product. Weights without an entry in P do not move
(P = 0): ANIL (Raghu et al. 2020) is MAML with a P for the head alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["Gradient", "inner_loop", "inner_step", "preconditioned"]

Params = dict[str, jax.Array]
Gradient = Callable[[Params, Any], Params]
"""(params, one inner batch) → gradient of the support loss."""


def preconditioned(vector: Params, precondition: Params) -> Params:
    """P v, element by element; zero where P has no entry."""
    return {k: precondition[k] * v if k in precondition else jnp.zeros_like(v) for k, v in vector.items()}


def inner_step(theta: Params, descent: Params, rate: jax.Array, factors: Params | None = None) -> Params:
    """θ − α ρ descent; ``factors`` holds ρ by name, 1 where it has no entry."""
    factors = factors or {}
    return {k: t - rate * factors.get(k, 1.0) * descent[k] for k, t in theta.items()}


def inner_loop(
    params: Params, gradient: Gradient, batches: Any, rate: jax.Array, precondition: Params
) -> tuple[Params, Params]:
    """Adapt over the leading axis of ``batches``.

    Returns:
        θ_n, and the stack of θ_0 … θ_{n−1}: all that the outer gradient needs to keep, so that
        memory does not grow with activations of earlier steps.
    """

    def step(theta: Params, batch: Any) -> tuple[Params, Params]:
        descent = preconditioned(gradient(theta, batch), precondition)
        return inner_step(theta, descent, rate), theta

    return jax.lax.scan(step, params, batches)
