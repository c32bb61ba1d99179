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

import torch

from mfbench_torch.meta.bound import pulled_back
from mfbench_torch.meta.inner import (
    InnerProblem,
    Params,
    hessian_vector,
    preconditioned,
    step_of,
    value_and_gradient,
)

__all__ = ["fomaml_gradient", "maml_gradient", "reptile_gradient"]


def maml_gradient(params: Params, problem: InnerProblem) -> tuple[torch.Tensor, Params]:
    """Query loss after the inner loop, and its exact (second-order) gradient in θ_0."""
    adapted, trail = problem.solve(params)
    value, adjoint = value_and_gradient(problem.query_loss, adapted, problem.query)
    for (theta, descent), batch in zip(reversed(trail), reversed(problem.batches), strict=True):
        through = pulled_back(adjoint, step_of(descent, problem.rate), problem.limit)
        product = hessian_vector(problem.loss, theta, batch, preconditioned(through, problem.precondition))
        adjoint = {name: a - problem.rate * product[name] for name, a in adjoint.items()}
    return value, adjoint


def fomaml_gradient(params: Params, problem: InnerProblem) -> tuple[torch.Tensor, Params]:
    """Query loss after the inner loop, and its gradient in θ_n."""
    adapted, _ = problem.solve(params)
    return value_and_gradient(problem.query_loss, adapted, problem.query)


def reptile_gradient(params: Params, problem: InnerProblem) -> tuple[torch.Tensor, Params]:
    """The loss on the query (for the log only), and θ_0 − θ_n."""
    adapted, _ = problem.solve(params)
    value = problem.query_loss(adapted, problem.query).detach()
    return value, {name: value - adapted[name] for name, value in params.items()}
