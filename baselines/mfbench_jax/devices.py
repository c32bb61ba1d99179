"""The tasks of a meta-training step on several devices (GPUs, or XLA's host devices), by sharding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from mfbench_jax.compiled import Compiled

__all__ = ["devices_share", "over_devices"]


def devices_share(tasks: int, devices: Sequence[Any] | None = None) -> int:
    """How many devices share the tasks; 0 where they run one after another, and may differ in shape."""
    count = math.gcd(len(devices or jax.devices()), tasks)
    return count if count > 1 else 0


def over_devices(
    outer: Callable[..., Any], tasks: int, devices: Sequence[Any] | None = None
) -> Callable[..., Any]:
    """(params, list of the tasks' data, *rest) → mean of ``outer(params, data, *rest)`` over the tasks.

    With one device the tasks run one after another. With more, each device takes an equal part of
    them: as many devices are used as divide ``tasks``.
    """
    devices = list(devices or jax.devices())
    count = devices_share(tasks, devices)
    if not count:
        run = Compiled(outer)

        def one_by_one(params: Any, data: list[Any], *rest: Any) -> Any:
            results = [run(params, task, *rest) for task in data]
            return jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *results)

        return one_by_one

    def part(params: Any, data: Any, *rest: Any) -> Any:
        results = jax.lax.map(lambda task: outer(params, task, *rest), data)
        return jax.lax.pmean(jax.tree.map(lambda x: x.mean(0), results), "tasks")

    mesh = Mesh(np.array(devices[:count]), ("tasks",))
    everywhere, split = PartitionSpec(), PartitionSpec("tasks")

    def whole(params: Any, data: Any, *rest: Any) -> Any:
        specs = (everywhere, split, *(everywhere for _ in rest))
        mapped = jax.shard_map(part, mesh=mesh, in_specs=specs, out_specs=everywhere, check_vma=False)
        return mapped(params, data, *rest)

    run = Compiled(whole)

    def together(params: Any, data: list[Any], *rest: Any) -> Any:
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *data)
        # Back to NumPy: the optimiser's arrays stay on one device, as programs compiled for it expect.
        return jax.tree.map(np.asarray, run(params, stacked, *rest))

    return together
