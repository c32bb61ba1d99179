"""One optimiser step of joint training and of each meta-learner, on the data of a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np

from mfbench.data.split import Task
from mfbench.errors import TrainingError
from mfbench.learned.adaptation.per_group import group_numbers, of_group
from mfbench.learned.architectures.neighbours import size_classes
from mfbench.learned.architectures.registry import Config
from mfbench.learned.training.annealing import multi_step_weights, second_order
from mfbench.learned.training.sampling_order import JointOrder, meta_batch
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.energy_baseline import EnergyBaseline, correction_between, correction_kernel
from mfbench_jax.compiled import Compiled
from mfbench_jax.data import Dataset
from mfbench_jax.devices import devices_share, over_devices
from mfbench_jax.meta.bound import limit_of
from mfbench_jax.meta.inner import InnerProblem
from mfbench_jax.meta.objective import LossWeights, batch_loss, query_loss
from mfbench_jax.meta.outer import fomaml_gradient, maml_gradient, reptile_gradient
from mfbench_jax.meta.plus import Schedule, maml_pp_gradient
from mfbench_jax.models.architecture import energy, energy_forces
from mfbench_jax.models.graphs import Padding, padding_for

__all__ = ["JointStep", "joint_gradient", "meta_gradient"]

MOST_SHAPES = 3
"""Paddings of families at most: one for all wastes much of the work where families differ in size."""
Params = dict[str, jax.Array]
Step = Callable[[Params, int], tuple[jax.Array, Params]]
_OUTER = {
    "maml": maml_gradient,
    "maml++": maml_pp_gradient,
    "anil": maml_gradient,
    "fomaml": fomaml_gradient,
    "reptile": reptile_gradient,
}


@dataclass(eq=False)
class JointStep:
    """(params, step) → loss and gradient; its parts, for a program that takes the optimiser in as well.

    Attributes:
        data: step → batch.
        function: (params, batch) → loss and gradient.
    """

    data: Callable[[int], Any]
    function: Callable[[Params, Any], tuple[jax.Array, Params]]
    _run: Compiled = field(init=False)

    def __post_init__(self) -> None:
        """Compile nothing yet."""
        self._run = Compiled(self.function)

    def __call__(self, params: Params, number: int) -> tuple[jax.Array, Params]:
        """Loss and gradient of the batch of this step."""
        return self._run(params, self.data(number))


def joint_gradient(
    tasks: Sequence[Task], config: Config, baseline: EnergyBaseline, settings: TrainSettings
) -> JointStep:
    """(params, step) → loss and gradient of a batch drawn over all configurations of ``tasks``."""
    configurations = [c for t in tasks for c in (*t.support, *t.query, *t.heldout)]
    dataset = Dataset(configurations, config, baseline, corrected=False)
    model = lambda params, batch: energy_forces(params, config, batch)  # noqa: E731
    weights = LossWeights(settings.energy_weight, settings.force_weight, settings.loss)
    if len(dataset) < settings.joint_batch:
        raise TrainingError(
            f"joint_batch is {settings.joint_batch}, meta-train holds {len(dataset)}: lower it"
        )
    classes, paddings = dataset.table.size_classes(settings.size_classes)
    groups = group_numbers(tasks, settings)
    met = classes if groups is None else classes + settings.size_classes * groups
    order = JointOrder(met, settings.joint_batch, settings.seed)

    def data(number: int) -> Any:
        chosen = order.batch(number)
        batch = dataset.batch(chosen, settings.joint_batch, paddings[classes[chosen[0]]])
        return batch if groups is None else (*batch, np.int32(groups[chosen[0]]))

    def loss(params: Params, batch: tuple[Any, ...]) -> jax.Array:
        graph, labels, *group = batch
        seen = of_group(params, group[0]) if group else params
        return batch_loss(seen, model, graph, labels, weights)

    return JointStep(data, jax.value_and_grad(loss))


def meta_gradient(
    tasks: Sequence[Task],
    config: Config,
    baseline: EnergyBaseline,
    settings: TrainSettings,
    precondition: Params,
    steps: int = 1,
    devices: Sequence[Any] | None = None,
) -> Step:
    """(params, step) → mean query loss and mean outer gradient over the step's tasks.

    ``precondition`` has entries for the weights that adapt. MAML++ changes over the ``steps`` of the phase.
    ``devices`` share the tasks (default: all that there are).
    """
    paddings = _paddings(tasks, config, 1 if devices_share(settings.tasks, devices) else MOST_SHAPES)
    made = [_TaskData(t, config, baseline, padding) for t, padding in zip(tasks, paddings, strict=True)]
    pools = [(len(d.support), len(d.query)) for d in made]
    model = lambda params, batch: energy_forces(params, config, batch)  # noqa: E731
    energies = lambda params, batch: energy(params, config, batch)  # noqa: E731
    weights = LossWeights(settings.energy_weight, settings.force_weight, settings.loss)
    outer = _OUTER[settings.method]

    def gradient(params: Params, batch: Any) -> Params:
        return jax.grad(batch_loss)(params, model, *batch, weights)

    def loss(params: Params, query: tuple[Any, Any, Any]) -> jax.Array:
        return query_loss(params, model, energies, *query, weights)

    run = over_devices(partial(_outer, outer, gradient, loss), settings.tasks, devices)
    rate = np.float32(settings.inner_rate)
    limit = limit_of(settings.inner_bound, precondition)

    def step(params: Params, number: int) -> tuple[jax.Array, Params]:
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
        data = []
        for episode in episodes:
            task = made[episode.task]
            batches = task.support.batches(episode.support[episode.batches], settings.inner_batch)
            data.append((batches, task.query_of(episode.support, episode.query)))
        return run(params, data, rate, precondition, *_schedule(settings, number, steps), limit)

    return step


def _paddings(tasks: Sequence[Task], config: Config, most: int) -> list[Padding]:
    """The padding of every family: that of its size class.

    Each shape is compiled, so there are as few classes as come within a tenth of the work of ``most``.
    """
    own = [padding_for([*t.support, *t.query, *t.heldout], config, atoms=2, pairs=8) for t in tasks]
    options = [_shared(own, count) for count in range(1, most + 1)]
    work = [sum(p.pairs for p in option) for option in options]
    return next(o for o, w in zip(options, work, strict=True) if w <= 1.1 * work[-1])


def _shared(own: Sequence[Padding], count: int) -> list[Padding]:
    number = size_classes(np.array([p.pairs for p in own]), count)
    largest = {
        n: Padding(*np.max(np.array(own)[number == n], axis=0).tolist()) for n in set(number.tolist())
    }
    return [largest[n] for n in number.tolist()]


def _outer(outer, gradient, loss, params, data, rate, precondition, *rest):
    *schedule, limit = rest
    return outer(params, InnerProblem(gradient, loss, *data, rate, precondition, limit), *schedule)


def _schedule(settings: TrainSettings, number: int, steps: int) -> tuple[Schedule, ...]:
    """What only MAML++ wants to know of a step: weights of the queries, order, scale of the rates."""
    if settings.method != "maml++":
        return ()
    weights = multi_step_weights(settings, number, steps)
    second = np.bool_(second_order(settings, number, steps))
    return (Schedule(weights, second, np.float32(settings.rates_rate)),)


class _TaskData:
    """A family's support pool and query, with the kernels of the closed-form correction."""

    def __init__(self, task: Task, config: Config, baseline: EnergyBaseline, padding: Padding) -> None:
        query = (*task.query, *task.heldout)
        self.support = Dataset(task.support, config, baseline, corrected=True, padding=padding)
        self.query = Dataset(query, config, baseline, corrected=False, padding=padding)
        self.across = correction_kernel(query, task.support, prior=baseline.prior)

    def query_of(self, support: np.ndarray, query: np.ndarray) -> tuple[Any, Any, np.ndarray]:
        """Support batch, query batch, and the operator between them."""
        assert self.support.kernel is not None  # it is corrected
        kernel = self.support.kernel[np.ix_(support, support)]
        operator = correction_between(kernel, self.across[np.ix_(query, support)])
        return (
            self.support.batch(support, len(support)),
            self.query.batch(query, len(query)),
            operator.astype(self.query.dtype),
        )
