"""The inner loop: a few preconditioned gradient steps on a support set.

θ_{k+1} = θ_k − α P ∇L(θ_k), with P a fixed diagonal: the inverse root of the second moments of the
warm start's gradients (what Adam would divide by). P does not depend on θ, so the derivative of a
step is exactly 1 − α P H(θ_k): one Hessian-vector product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

__all__ = ["Gradient", "inner_loop", "preconditioned"]

Params = dict[str, jax.Array]
Gradient = Callable[[Params, Any], Params]
"""(params, one inner batch) → gradient of the support loss."""


def preconditioned(vector: Params, precondition: Params) -> Params:
    """P v, element by element."""
    return jax.tree.map(lambda v, p: p * v, vector, precondition)


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
        return jax.tree.map(lambda t, d: t - rate * d, theta, descent), theta

    return jax.lax.scan(step, params, batches)
