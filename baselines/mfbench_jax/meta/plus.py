"""The outer gradient of MAML++ (Antoniou, Edwards & Storkey 2019), in the weights and in the step sizes.

Inner steps θ_{k+1} = θ_k − α ρ_k P g(θ_k), with one learned ρ_k per weight array. The outer loss is
Σ_k v_k L_query(θ_k) over k = 1 … n. Its adjoint runs backwards:

    λ_n = v_n ∇L_query(θ_n),   λ_k = v_k ∇L_query(θ_k) + λ_{k+1} − α H(θ_k) ρ_k P λ_{k+1},   v_0 = 0,
    ∂/∂θ_0 = λ_0,              ∂/∂ρ_k = −α Σ λ_{k+1} · P g(θ_k)  over the numbers of each array.

At first order the product with the Hessian H is left out. Queries with v_k = 0 and products at first order
are skipped while the program runs, so one program serves the whole training. With ρ = 1, v = (0, …, 0, 1)
and second order this is MAML.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mfbench.learned.adaptation.inner_rates import PREFIX, separated
from mfbench_jax.meta.bound import pulled_back
from mfbench_jax.meta.inner import InnerProblem, Params, inner_step, preconditioned, step_of

__all__ = ["Schedule", "maml_pp_gradient"]


class Schedule(NamedTuple):
    """What changes over the steps of the phase.

    Attributes:
        weights: [n] v, of the query losses after each inner step.
        second: whether to take second derivatives, a bool.
        scale: of the learned logarithms, a scalar.
    """

    weights: jax.Array | np.ndarray
    second: jax.Array | np.bool_
    scale: jax.Array | np.float32


def maml_pp_gradient(params: Params, problem: InnerProblem, schedule: Schedule) -> tuple[jax.Array, Params]:
    """Outer loss and its gradient.

    Args:
        params: initial weights, and log ρ / ``scale`` [n] by ``rates/NAME`` of those that are learned.
        problem: as for MAML.
        schedule: of this step of the phase.
    """
    weights, second, scale = schedule
    rate, precondition, limit = problem.rate, problem.precondition, problem.limit
    initial, logarithms = separated(params)
    rates = {name: jnp.exp(scale * value) for name, value in logarithms.items()}

    def forward(theta: Params, visited: tuple[Any, Params]) -> tuple[Params, tuple[Params, Params, Params]]:
        batch, factors = visited
        descent = preconditioned(problem.gradient(theta, batch), precondition)
        after = inner_step(theta, descent, rate, factors, limit)
        return after, (theta, after, descent)

    _, trail = jax.lax.scan(forward, initial, (problem.batches, rates))

    def backward(carry: tuple[jax.Array, Params], visited: Any) -> tuple[tuple[jax.Array, Params], Params]:
        loss, adjoint = carry
        (before, after, descent), batch, factors, weight = visited
        zero = jnp.zeros((), loss.dtype), jax.tree.map(jnp.zeros_like, adjoint)
        value, slope = jax.lax.cond(
            weight > 0, lambda: jax.value_and_grad(problem.query_loss)(after, problem.query), lambda: zero
        )
        adjoint = jax.tree.map(lambda a, s: a + weight * s, adjoint, slope)
        through = pulled_back(adjoint, step_of(descent, rate, factors), limit)
        pulls = {name: -rate * jnp.vdot(through[name], descent[name]) for name in factors}
        direction = preconditioned(through, precondition)
        direction = {k: factors[k] * d if k in factors else d for k, d in direction.items()}
        product = jax.lax.cond(
            second,
            lambda: jax.jvp(lambda t: problem.gradient(t, batch), (before,), (direction,))[1],
            lambda: zero[1],
        )
        adjoint = jax.tree.map(lambda a, h: a - rate * h, adjoint, product)
        return (loss + weight * value, adjoint), pulls

    start = jnp.zeros((), weights.dtype), jax.tree.map(jnp.zeros_like, initial)
    (loss, adjoint), pulls = jax.lax.scan(
        backward, start, (trail, problem.batches, rates, weights), reverse=True
    )
    slopes = {PREFIX + name: scale * rates[name] * pull for name, pull in pulls.items()}
    return loss, {**adjoint, **slopes}
