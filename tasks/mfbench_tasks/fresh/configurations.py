"""Fresh configurations of a split's families, from the fragment table alone: nobody has seen them.

The fragments, the sampler and its parameters, the gates and the level of theory are those of the split; the
random stream is the verifier's. No structure file is needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mfbench.data.configuration import Configuration
from mfbench.data.manifest import read_manifest
from mfbench.data.side_tables import read_side_tables
from mfbench.data.split import Split, Task, find_split
from mfbench.errors import DataError, UnknownNameError
from mfbench.work.open_executor import open_executor
from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.fragments.stored import stored_fragment
from mfbench_tasks.fresh.at_level import AtLevel
from mfbench_tasks.labelling.tblite import Gfn2, ScfFailure
from mfbench_tasks.levels.dft_tasks import in_turn
from mfbench_tasks.recipes.recipe import Gates, Sampling
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.sampling.label_trajectory import LabelledFragment, label_trajectory
from mfbench_tasks.sampling.normal_modes import hessian, normal_modes
from mfbench_tasks.sampling.role import Role
from mfbench_tasks.sampling.trajectories import Trajectory, geometries
from mfbench_tasks.seeds import stream

__all__ = ["mapped", "resample"]

TESTED = "cath"
"""Where the molecules of a construction of levels come from, as far as it tests on them."""


class _Job(NamedTuple):
    family_id: str
    name: str
    fragment: Fragment
    sampler: dict[str, Any]
    trajectories: tuple[Trajectory, ...]
    bounds: Gates
    support: tuple[np.ndarray, ...]
    seed: int
    level: AtLevel | None
    most: int | None


def resample(
    split: Split,
    families: Sequence[str],
    seed: int,
    *,
    fragments: int | None = None,
    configurations: int | None = None,
    workers: int = 1,
    tick: Callable[[int, int], None] | None = None,
) -> dict[str, list[Configuration]]:
    """Fresh labelled query configurations, as many per fragment as the split's own query has.

    Tasks at another level of theory than the one that samples are labelled at theirs, on the split's scale.

    Args:
        split: whose fragments.
        families: names.
        seed: the verifier's secret.
        fragments: so many per family, drawn under the seed; all by default.
        configurations: so many per fragment, trajectories in turn; by default as many as are published,
            where the split holds a part of its source's trajectories.
        workers: processes.
        tick: ``tick(done, total)`` after each fragment.

    Returns:
        family → configurations. A trajectory that fails a gate under this seed is left out; a fragment
        without any is absent.

    Raises:
        DataError: the split has no fragment table with geometries and sampler parameters, or was not
            made by this sampler.
    """
    table = read_side_tables(split.name, split).fragments
    if not {"relaxed_positions", "sampler"} <= set(table.columns):
        raise DataError(f"{split.name} stores no relaxed geometries: fresh configurations cannot be made")
    bounds = _bounds(split)
    tasks = {task.family_id: task for task in split.tasks}
    jobs = [
        _at_level(job, split, tasks[f], configurations)
        for f in families
        for job in _jobs(tasks[f], table, bounds, seed, fragments)
    ]
    found: dict[str, list[Configuration]] = {family: [] for family in families}
    for number, (job, labelled) in enumerate(zip(jobs, mapped(_make, jobs, workers), strict=True)):
        found[job.family_id] += labelled
        if tick:
            tick(number + 1, len(jobs))
    return found


def _at_level(job: _Job, split: Split, task: Task, count: int | None) -> _Job:
    """The job with the level of its task, and how many configurations it makes at most."""
    level = AtLevel.of(split, task, job.name)
    if count is None and level is not None:
        asked = (*task.query, *task.heldout, *task.larger)
        count = sum(c.fragment_id == job.name for c in asked)
    return job._replace(level=level, most=count)


def _bounds(split: Split) -> Gates:
    """The gates of its build; of a construction of levels, those of the construction that it tests on."""
    recipe = split.manifest.recipe
    if split.manifest.energy_shifts:
        try:
            recipe = read_manifest(find_split(TESTED)).recipe
        except UnknownNameError:
            raise DataError(
                f"the gates of {split.name}'s molecules are those of {TESTED}, which is not here: set "
                "MFBENCH_DATA to a folder that holds it"
            ) from None
    if "sampling" not in recipe:
        raise DataError(f"{split.name} was sampled along reactions: fresh configurations cannot be made")
    return Gates.model_validate(recipe["gates"])


def _jobs(task: Task, table: pd.DataFrame, bounds: Gates, seed: int, count: int | None) -> list[_Job]:
    names = sorted(task.graphs)
    order = stream(seed, task.family_id, "fragments").permutation(len(names))
    chosen = [names[i] for i in order[:count]] if count else names
    return [_job(task, name, table.loc[name].to_dict(), bounds, seed) for name in chosen]


def _job(task: Task, name: str, row: Mapping[Any, Any], bounds: Gates, seed: int) -> _Job:
    fragment, _ = stored_fragment(row)
    support = tuple(c.positions for c in task.support if c.fragment_id == name)
    sampler = json.loads(row["sampler"])  # by kind already; the bounds are not
    asked = {c.trajectory_id for c in (*task.query, *task.heldout, *task.larger)}
    wanted = tuple(
        Trajectory(number, how, kelvin, frames, Role.QUERY)
        for number, how, kelvin, frames in sampler.pop("trajectories")
        if f"{name}/{number}" in asked
    )
    gates = bounds.of(fragment.kind)
    return _Job(task.family_id, name, fragment, sampler, wanted, gates, support, seed, None, None)


def mapped(function: Callable[..., Any], jobs: Sequence[Any], workers: int) -> Iterator[Any]:
    """``map`` over processes, in order."""
    with open_executor(workers) as executor:
        yield from executor.map(function, jobs)


def _make(job: _Job) -> list[Configuration]:
    """The query trajectories of a fragment, sampled anew and labelled."""
    shared = {k: v for k, v in job.sampler.items() if k != "seed"}
    lists: dict[str, list[float]] = {
        f"{r}_{s}_{e}": []
        for r in ("support", "query")
        for s in ("md", "displaced")
        for e in ("K", "frames")
    }
    sampling = Sampling.model_validate(shared | lists)
    fragment, relaxed = job.fragment, job.fragment.positions
    engine = Gfn2(fragment.atomic_numbers, fragment.total_charge, fragment.n_unpaired)
    found: list[Configuration] = []
    try:
        energy = engine.label(relaxed).energy
        curvature = hessian(lambda x: engine.warm_label(x).forces, relaxed)
    except ScfFailure:
        return found
    modes = normal_modes(curvature, fragment.atomic_numbers, sampling.mode_floor)
    for trajectory in job.trajectories:
        labelled = LabelledFragment(fragment, job.name, relaxed, energy, "")
        endless = geometries(engine, fragment, relaxed, modes, trajectory, sampling, job.seed, job.name)
        try:
            # No fresh configuration may be a near-twin of the published support.
            label_trajectory(engine, labelled, trajectory, endless, job.bounds, job.support)
        except (Rejection, ScfFailure):
            continue
        found += labelled.configurations
    chosen = in_turn(found, job.seed)[: job.most] if job.most and found else found
    return job.level.labelled(chosen) if job.level else chosen
