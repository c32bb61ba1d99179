"""The outer gradient of MAML++ (Antoniou, Edwards & Storkey 2019), in the weights and in the step sizes.

Inner steps θ_{k+1} = θ_k − α ρ_k P g(θ_k), with one learned ρ_k per weight array. The outer loss is
Σ_k v_k L_query(θ_k) over k = 1 … n. Its adjoint runs backwards:

    λ_n = v_n ∇L_query(θ_n),   λ_k = v_k ∇L_query(θ_k) + λ_{k+1} − α H(θ_k) ρ_k P λ_{k+1},   v_0 = 0,
    ∂/∂θ_0 = λ_0,              ∂/∂ρ_k = −α Σ λ_{k+1} · P g(θ_k)  over the numbers of each array.

At first order the product with the Hessian H is left out; queries with v_k = 0 are not looked at. With
ρ = 1, v = (0, …, 0, 1) and second order this is MAML.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from mfbench.learned.adaptation.inner_rates import PREFIX, separated
from mfbench_torch.meta.bound import pulled_back
from mfbench_torch.meta.inner import (
    InnerProblem,
    Params,
    gradient_of,
    hessian_vector,
    inner_step,
    preconditioned,
    step_of,
    value_and_gradient,
)

__all__ = ["Schedule", "maml_pp_gradient"]


class Schedule(NamedTuple):
    """What changes over the steps of the phase.

    Attributes:
        weights: [n] v, of the query losses after each inner step.
        second: whether to take second derivatives.
        scale: of the learned logarithms.
    """

    weights: Sequence[float] | np.ndarray
    second: bool
    scale: float


def maml_pp_gradient(
    params: Params, problem: InnerProblem, schedule: Schedule
) -> tuple[torch.Tensor, Params]:
    """Outer loss and its gradient.

    Args:
        params: initial weights, and log ρ / ``scale`` [n] by ``rates/NAME`` of those that are learned.
        problem: as for MAML.
        schedule: of this step of the phase.
    """
    weights, second, scale = schedule
    rate, precondition, limit = problem.rate, problem.precondition, problem.limit
    theta, logarithms = separated(params)
    rates = {name: (scale * value).exp() for name, value in logarithms.items()}
    trail = []
    for k, batch in enumerate(problem.batches):
        before, descent = theta, preconditioned(gradient_of(problem.loss, theta, batch), precondition)
        factors = {name: value[k] for name, value in rates.items()}
        theta = inner_step(before, descent, rate, factors, limit)
        trail.append((before, theta, descent, factors))

    total = torch.zeros(())
    adjoint = {name: torch.zeros_like(value) for name, value in theta.items()}
    pulls: dict[str, list[torch.Tensor]] = {name: [] for name in rates}
    for k in reversed(range(len(trail))):
        before, after, descent, factors = trail[k]
        if (weight := float(weights[k])) > 0:
            value, slope = value_and_gradient(problem.query_loss, after, problem.query)
            total = total + weight * value
            adjoint = {name: a + weight * slope[name] for name, a in adjoint.items()}
        through = pulled_back(adjoint, step_of(descent, rate, factors), limit)
        for name, found in pulls.items():
            found.insert(0, -rate * (through[name] * descent[name]).sum())
        if second:
            direction = preconditioned(through, precondition)
            direction = {n: factors[n] * d if n in factors else d for n, d in direction.items()}
            product = hessian_vector(problem.loss, before, problem.batches[k], direction)
            adjoint = {name: a - rate * product[name] for name, a in adjoint.items()}
    slopes = {PREFIX + name: scale * rates[name] * torch.stack(found) for name, found in pulls.items()}
    return total, {**adjoint, **slopes}
