"""``ridge-prior``: the closed-form head, shrunk towards the heads of the train tasks instead of to zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mfbench.data.task import Task
from mfbench.learned.adaptation.head_prior import HeadPrior, fit_with_prior, head_prior
from mfbench.learned.adaptation.ridge import Design, fit_head
from mfbench.learned.methods.ridge import Ridge

__all__ = ["RidgePrior"]

CONFIGURATIONS = 12
"""Of each train task, evenly over its support and query configurations."""


@dataclass(eq=False)
class RidgePrior(Ridge):
    """As ``Ridge``, with a prior that is fitted once per process, to a head of every train task.

    Attributes:
        tasks: train tasks.
    """

    tasks: Sequence[Task] = ()
    name: str = field(default="ridge-prior", kw_only=True)

    @cached_property
    def prior(self) -> HeadPrior:
        """Mean and covariance of the train tasks' heads."""
        heads = []
        for task in self.tasks:
            everything = (*task.support, *task.query)
            chosen = everything[:: -(-len(everything) // CONFIGURATIONS)]
            design = self.design_of(chosen, len(chosen))
            heads.append(fit_head(design, self.scales[0], self.settings))
        return head_prior(heads, self.scales[0])

    def first_head(self) -> np.ndarray | None:
        """The mean head of the train tasks."""
        return self.prior.mean

    def fit(self, design: Design) -> np.ndarray:
        """[p] weights of the head, eV."""
        return fit_with_prior(design, self.prior, self.settings)
