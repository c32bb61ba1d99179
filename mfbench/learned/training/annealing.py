"""How MAML++ changes over its training (Antoniou, Edwards & Storkey 2019), and what that costs.

*Multi-step loss*: the outer loss is Σ_k v_k L_query(θ_k) over the parameters after inner steps k = 1 … n.
v starts uniform and moves linearly to the last step. *Derivative order*: first order at first, then second.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mfbench.learned.training.settings import TrainSettings, gradients_per_step

__all__ = ["gradients_after", "multi_step_weights", "second_order", "steps_within"]


def multi_step_weights(settings: TrainSettings, step: int, steps: int) -> np.ndarray:
    """[inner_steps] v of outer step ``step`` of ``steps``; they add up to 1."""
    n, end = settings.inner_steps, settings.multi_step_share * steps
    early = (1.0 - step / end if step < end else 0.0) / n
    return np.array([early] * (n - 1) + [1.0 - (n - 1) * early], np.float32)


def second_order(settings: TrainSettings, step: int, steps: int) -> bool:
    """Whether this outer step takes Hessian-vector products."""
    return step >= settings.first_order_share * steps


def gradients_after(settings: TrainSettings, steps: int) -> Callable[[int], int]:
    """n → configuration-gradients of the first n steps of a phase of ``steps``."""
    if settings.method != "maml++":
        per_step = gradients_per_step(settings)
        return lambda done: done * per_step
    spent = [0]
    for step in range(steps):
        queries = int(np.count_nonzero(multi_step_weights(settings, step, steps)))
        second = second_order(settings, step, steps)
        spent.append(spent[-1] + gradients_per_step(settings, second=second, queries=queries))
    return lambda done: spent[done]


def steps_within(settings: TrainSettings, gradients: int) -> int:
    """The longest phase that costs no more than ``gradients``."""
    low, high = 0, max(gradients, 0) // gradients_per_step(settings, second=False)
    while low < high:
        middle = (low + high + 1) // 2
        fits = gradients_after(settings, middle)(middle) <= gradients
        low, high = (middle, high) if fits else (low, middle - 1)
    return low
