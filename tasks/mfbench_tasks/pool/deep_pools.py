"""Deep pools: thousands of further support configurations for the fragments of a group in the pool."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.parquet import read_configurations, read_table
from mfbench.errors import DataError
from mfbench_tasks.build.job import JobSettings, Outcome
from mfbench_tasks.build.make_fragment import check_open_shell
from mfbench_tasks.fragments.stored import stored_fragment
from mfbench_tasks.labelling.tblite import Gfn2, ScfFailure
from mfbench_tasks.pool.blocks import part
from mfbench_tasks.pool.group_kinds import DeepGroup
from mfbench_tasks.pool.recipe import DeepSampling, PoolRecipe
from mfbench_tasks.sampling import gates
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.sampling.label_trajectory import LabelledFragment, label_trajectory
from mfbench_tasks.sampling.normal_modes import hessian, normal_modes
from mfbench_tasks.sampling.role import Role, stored_role
from mfbench_tasks.sampling.trajectories import DISPLACED, MD, Trajectory, geometries
from mfbench_tasks.seeds import stream

__all__ = ["DeepJob", "deep_jobs", "deep_trajectories"]

_LOST_SHARE = 0.25
"""Of a fragment's trajectories may fail a gate."""


@dataclass(frozen=True, eq=False)
class DeepJob:
    """A stored fragment to be sampled deeply.

    Attributes:
        family_id, number: group and place, as of any job.
        row: its row of the fragment table.
        away: [m, n, 3] Å, its query: support may not come near it.
        deep: how many configurations, and how they are sampled.
    """

    family_id: str
    number: int
    row: dict[str, Any]
    away: np.ndarray
    deep: DeepSampling
    heldout: bool = False

    @property
    def name(self) -> str:
        """``<group>-<number>``: names the job's file in the journal."""
        return f"{self.family_id}-{self.number}"

    @property
    def atoms(self) -> int:
        """Of the fragment."""
        return len(self.row["atomic_numbers"])

    def run(self, settings: JobSettings) -> Outcome:
        """Sample and label the fragment until it has its configurations. Runs in a worker.

        A trajectory that fails a gate is left out whole, counted as ``trajectory`` among what was dropped;
        the outcome is empty where too many do.
        """
        wall, cpu = time.perf_counter(), time.process_time()
        labelled, rejections = None, []
        try:
            labelled = _sample_deeply(self, settings)
        except (Rejection, ScfFailure) as failure:
            place = {"slot": self.name, "fragment": self.row["fragment_id"], "kind": self.row["kind"]}
            why = {"gate": getattr(failure, "gate", "scf"), "reason": str(failure)}
            rejections = [{**place, "motif": self.row["residues"], **why}]
        return Outcome(
            job=self.name,
            family_id=self.family_id,
            number=self.number,
            heldout=False,
            labelled=labelled,
            rejections=rejections,
            wall_seconds=time.perf_counter() - wall,
            cpu_seconds=time.process_time() - cpu,
        )


def deep_jobs(group: DeepGroup, recipe: PoolRecipe, pool: Path) -> list[DeepJob]:
    """A job for each support fragment of the group that is sampled further.

    Raises:
        DataError: that group is not in the pool yet.
    """
    for block in (b.name for b in recipe.blocks if not b.deep):
        table = part(pool, block, "groups")
        rows = read_table(table).to_pylist() if table.is_file() else []
        names = [r["fragment_id"] for r in rows if r["group_id"] == group.of and not r["heldout"]]
        if names:
            break
    else:
        raise DataError(f"group {group.id} needs the pool fragments of {group.of}: make its block first")
    fragments = {r["fragment_id"]: r for r in read_table(part(pool, block, "fragments")).to_pylist()}
    query: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for c in read_configurations(part(pool, block, "configurations")):
        if c.fragment_id in query and stored_role(c.trajectory_id) == Role.QUERY:
            query[c.fragment_id].append(c.positions)
    if recipe.deep is None:
        raise DataError(f"group {group.id} is deep: say how, in 'deep'")
    return [
        DeepJob(group.id, i, fragments[name], np.array(query[name]), recipe.deep)
        for i, name in enumerate(names)
    ]


def deep_trajectories(deep: DeepSampling) -> Iterator[Trajectory]:
    """Trajectories ``d0``, ``d1``, … without end: replicas and displaced conformers in turn."""
    for number in count():
        sampler = DISPLACED if number % 2 else MD
        temperatures = deep.displaced_K if number % 2 else deep.md_K
        kelvin = temperatures[number // 2 % len(temperatures)]
        yield Trajectory(f"d{number}", sampler, kelvin, deep.frames, Role.SUPPORT)


def _sample_deeply(job: DeepJob, recipe: JobSettings) -> LabelledFragment:
    fragment, relaxed = stored_fragment(job.row)
    bounds, sampling = recipe.gates.of(fragment.kind), recipe.sampling.of(fragment.kind)
    name, deep = job.row["fragment_id"], job.deep
    engine = Gfn2(fragment.atomic_numbers, fragment.total_charge, fragment.n_unpaired)
    gates.check_intact(fragment, relaxed)
    labelled = LabelledFragment(
        fragment, name, relaxed, engine.label(relaxed).energy, sampler=job.row["sampler"]
    )
    engine.start_cold()
    curvature = hessian(lambda x: engine.warm_label(x).forces, relaxed)
    modes = normal_modes(curvature, fragment.atomic_numbers, sampling.mode_floor)
    wanted = -(-deep.configurations // deep.frames)
    for trajectory in deep_trajectories(deep):
        if len(labelled.configurations) >= deep.configurations:
            break
        before = len(labelled.configurations)
        endless = geometries(engine, fragment, relaxed, modes, trajectory, sampling, recipe.seed, name)
        try:
            label_trajectory(engine, labelled, trajectory, endless, bounds, list(job.away))
        except (Rejection, ScfFailure):
            del labelled.configurations[before:], labelled.label_seconds[before:]
            labelled.dropped["trajectory"] += 1
            if labelled.dropped["trajectory"] > _LOST_SHARE * wanted:
                raise
    check_open_shell(engine, labelled, stream(recipe.seed, name, "deep"), bounds)
    return labelled
