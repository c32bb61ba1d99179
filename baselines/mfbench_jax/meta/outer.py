"""Outer gradients of MAML, FOMAML and Reptile.

MAML (Finn et al. 2017) differentiates the query loss at θ_n with respect to θ_0. By the chain rule
that is the query gradient multiplied by the transposed derivatives of the inner steps, last first:

    λ_n = ∇L_query(θ_n),   λ_k = λ_{k+1} − α H(θ_k) P λ_{k+1},   ∇_{θ_0} = λ_0

Where a step was shortened (see ``bound``), P λ_{k+1} is P Jᵀ λ_{k+1} with J the derivative of the
shortening. H(θ_k) is the Hessian of the support loss of step k; only the θ_k and the steps are kept and
each product is recomputed, so memory is flat in n. FOMAML stops at λ_n. Reptile (Nichol et al. 2018) never
looks at a query: its direction is θ_0 − θ_n.
"""

from __future__ import annotations

from typing import Any

import jax

from mfbench_jax.meta.bound import pulled_back
from mfbench_jax.meta.inner import InnerProblem, Params, preconditioned, step_of

__all__ = ["fomaml_gradient", "maml_gradient", "reptile_gradient"]


def maml_gradient(params: Params, problem: InnerProblem) -> tuple[jax.Array, Params]:
    """Query loss after the inner loop, and its exact (second-order) gradient in θ_0."""
    adapted, trail = problem.solve(params)
    loss, adjoint = jax.value_and_grad(problem.query_loss)(adapted, problem.query)
    rate = problem.rate

    def step(adjoint: Params, visited: Any) -> tuple[Params, None]:
        (theta, descent), batch = visited
        through = pulled_back(adjoint, step_of(descent, rate), problem.limit)
        direction = preconditioned(through, problem.precondition)
        _, product = jax.jvp(lambda t: problem.gradient(t, batch), (theta,), (direction,))
        return jax.tree.map(lambda a, h: a - rate * h, adjoint, product), None

    adjoint, _ = jax.lax.scan(step, adjoint, (trail, problem.batches), reverse=True)
    return loss, adjoint


def fomaml_gradient(params: Params, problem: InnerProblem) -> tuple[jax.Array, Params]:
    """Query loss after the inner loop, and its gradient in θ_n."""
    adapted, _ = problem.solve(params)
    return jax.value_and_grad(problem.query_loss)(adapted, problem.query)


def reptile_gradient(params: Params, problem: InnerProblem) -> tuple[jax.Array, Params]:
    """The loss on the query (for the log only), and θ_0 − θ_n."""
    adapted, _ = problem.solve(params)
    return problem.query_loss(adapted, problem.query), jax.tree.map(lambda a, b: a - b, params, adapted)
