"""One optimiser step of joint training and of each meta-learner, on the data of a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from mfbench.data.split import Task
from mfbench.errors import TrainingError
from mfbench.learned.adaptation.per_group import group_numbers, of_group
from mfbench.learned.architectures.registry import Config
from mfbench.learned.training.annealing import multi_step_weights, second_order
from mfbench.learned.training.sampling_order import JointOrder, meta_batch
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.energy_baseline import EnergyBaseline, correction_between, correction_kernel
from mfbench_torch.data import Batch, Dataset
from mfbench_torch.device import device, on_device
from mfbench_torch.meta.bound import limit_of
from mfbench_torch.meta.inner import InnerProblem, Loss, value_and_gradient
from mfbench_torch.meta.objective import LossWeights, batch_loss, query_loss
from mfbench_torch.meta.outer import fomaml_gradient, maml_gradient, reptile_gradient
from mfbench_torch.meta.plus import Schedule, maml_pp_gradient
from mfbench_torch.models.architecture import energy, energy_forces
from mfbench_torch.processes import mean_over_processes, share

__all__ = ["joint_gradient", "losses", "meta_gradient"]

Params = dict[str, torch.Tensor]
Step = Callable[[Params, int], tuple[torch.Tensor, Params]]
_OUTER: dict[str, Callable[..., tuple[torch.Tensor, Params]]] = {
    "maml": maml_gradient,
    "maml++": maml_pp_gradient,
    "anil": maml_gradient,
    "fomaml": fomaml_gradient,
    "reptile": reptile_gradient,
}


def losses(config: Config, weights: LossWeights) -> tuple[Loss, Loss]:
    """Support loss of (params, batch), and query loss of (params, (support, query, operator))."""

    def model(params: Params, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return energy_forces(params, config, batch)

    def energies(params: Params, batch: Any) -> torch.Tensor:
        return energy(params, config, batch)

    def support(params: Params, batch: Batch) -> torch.Tensor:
        return batch_loss(params, model, *batch, weights)

    def query(params: Params, data: tuple[Batch, Batch, torch.Tensor]) -> torch.Tensor:
        return query_loss(params, model, energies, *data, weights)

    return support, query


def joint_gradient(
    tasks: Sequence[Task],
    config: Config,
    baseline: EnergyBaseline,
    settings: TrainSettings,
    dtype: torch.dtype = torch.float32,
) -> Step:
    """(params, step) → loss and gradient of a batch drawn over all configurations of ``tasks``."""
    configurations = [c for t in tasks for c in (*t.support, *t.query, *t.heldout)]
    dataset = Dataset(configurations, config, baseline, corrected=False, dtype=dtype, place=device())
    loss, _ = losses(config, LossWeights(settings.energy_weight, settings.force_weight, settings.loss))
    if len(dataset) < settings.joint_batch:
        raise TrainingError(
            f"joint_batch is {settings.joint_batch}, meta-train holds {len(dataset)}: lower it"
        )
    # Nothing is padded here, but the draws shall be those of the other backends.
    classes = dataset.table.size_classes(settings.size_classes)
    groups = group_numbers(tasks, settings)
    met = classes if groups is None else classes + settings.size_classes * groups
    order = JointOrder(met, settings.joint_batch, settings.seed)

    def step(params: Params, number: int) -> tuple[torch.Tensor, Params]:
        chosen = order.batch(number)
        if groups is None:
            return value_and_gradient(loss, params, dataset.batch(chosen))
        group = int(groups[chosen[0]])
        return value_and_gradient(lambda p, b: loss(of_group(p, group), b), params, dataset.batch(chosen))

    return step


def meta_gradient(
    tasks: Sequence[Task],
    config: Config,
    baseline: EnergyBaseline,
    settings: TrainSettings,
    precondition: Params,
    steps: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Step:
    """(params, step) → mean query loss and mean outer gradient over the step's tasks, of all processes.

    ``precondition`` has entries for the weights that adapt. MAML++ changes over the ``steps`` of the phase.
    """
    precondition = on_device(precondition)
    made = [_TaskData(task, config, baseline, dtype) for task in tasks]
    pools = [(len(d.support), len(d.query)) for d in made]
    loss, after = losses(config, LossWeights(settings.energy_weight, settings.force_weight, settings.loss))
    outer, limit = _OUTER[settings.method], limit_of(settings.inner_bound, precondition)

    def step(params: Params, number: int) -> tuple[torch.Tensor, Params]:
        episodes = meta_batch(
            pools,
            tasks=settings.tasks,
            k=settings.k,
            inner_steps=settings.inner_steps,
            inner_batch=settings.inner_batch,
            query=settings.query,
            seed=settings.seed,
            step=number,
        )
        values, gradients = [], []
        for episode in share(episodes):
            data = made[episode.task]
            batches = data.support.batches(episode.support[episode.batches])
            query = data.query_of(episode.support, episode.query)
            problem = InnerProblem(loss, after, batches, query, settings.inner_rate, precondition, limit)
            value, gradient = outer(params, problem, *_schedule(settings, number, steps))
            values.append(value)
            gradients.append(gradient)
        return mean_over_processes(values, gradients, params)

    return step


def _schedule(settings: TrainSettings, number: int, steps: int) -> tuple[Schedule, ...]:
    """What only MAML++ wants to know of a step: weights of the queries, order, scale of the rates."""
    if settings.method != "maml++":
        return ()
    weights = multi_step_weights(settings, number, steps)
    return (Schedule(weights, second_order(settings, number, steps), settings.rates_rate),)


class _TaskData:
    """A family's support pool and query, with the kernels of the closed-form correction."""

    def __init__(self, task: Task, config: Config, baseline: EnergyBaseline, dtype: torch.dtype) -> None:
        query = (*task.query, *task.heldout)
        where: dict[str, Any] = {"dtype": dtype, "place": device()}
        self.support = Dataset(task.support, config, baseline, corrected=True, **where)
        self.query = Dataset(query, config, baseline, corrected=False, **where)
        self.across = correction_kernel(query, task.support, prior=baseline.prior)

    def query_of(self, support: np.ndarray, query: np.ndarray) -> tuple[Batch, Batch, torch.Tensor]:
        """Support batch, query batch, and the operator between them."""
        assert self.support.kernel is not None  # it is corrected
        kernel = self.support.kernel[np.ix_(support, support)]
        operator = correction_between(kernel, self.across[np.ix_(query, support)])
        return (
            self.support.batch(support),
            self.query.batch(query),
            self.query.tensor(operator),
        )
