"""Features of configurations and their derivatives, as ``ridge`` regresses on them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.learned.architectures.registry import Config
from mfbench_jax.compiled import Compiled
from mfbench_jax.models.architecture import feature_forces
from mfbench_jax.models.graphs import GraphTable, Padding
from mfbench_jax.predictor import batches

__all__ = ["design_arrays"]


def design_arrays(
    params: dict[str, jax.Array],
    config: Config,
    configurations: Sequence[Configuration],
    count: int,
    floor: Padding | None = None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Features summed over atoms [n, p], and −∂/∂x of the first ``count``, each [3 atoms, p]."""
    table = GraphTable(configurations, config)
    rows: list[Any] = [None] * len(configurations)
    jacobians: list[Any] = [None] * count
    for indices, batch in batches(table, floor):
        wanted = bool((indices < count).any())
        values, forces = _program(config, wanted)(params, batch)
        values = np.asarray(values, np.float64)
        for i, j in enumerate(indices):
            rows[j] = values[i]
            if j < count:
                parts = np.asarray(forces[:, i, : table.n_atoms[j]], np.float64)
                jacobians[j] = parts.reshape(len(parts), -1).T
    return np.stack(rows), jacobians


@lru_cache(maxsize=8)
def _program(config: Config, forces: bool) -> Compiled:
    def run(params: Any, batch: Any) -> tuple[jax.Array, jax.Array]:
        values, pulls = feature_forces(params, config, batch, forces=forces)
        return values, pulls.reshape(len(pulls), values.shape[0], -1, 3) if forces else jnp.zeros(0)

    return Compiled(run)
