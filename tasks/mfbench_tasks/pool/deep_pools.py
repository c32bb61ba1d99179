"""Deep pools: thousands of further support configurations for the fragments of a group in the pool.

A stored fragment says everything that fresh configurations need: no structure is read again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from mfbench.data.molecular_graph import bonds
from mfbench.data.parquet import read_configurations, read_table
from mfbench.errors import DataError
from mfbench_tasks.build.make_fragment import Outcome, check_open_shell
from mfbench_tasks.fragments.coordination_shell import first_shell
from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.labelling.tblite import Gfn2, ScfFailure
from mfbench_tasks.pool.blocks import part
from mfbench_tasks.pool.recipe import Deep, DeepGroup, PoolRecipe
from mfbench_tasks.sampling import gates
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.sampling.label_trajectory import Made, label_trajectory
from mfbench_tasks.sampling.normal_modes import hessian, normal_modes
from mfbench_tasks.sampling.trajectories import DISPLACED, MD, Trajectory, geometries
from mfbench_tasks.seeds import stream

__all__ = ["DeepSlot", "deep_trajectories", "fill_deep", "plan_deep", "stored_fragment"]

_LOST_SHARE = 0.25
"""Of a fragment's trajectories may fail a gate."""


@dataclass(frozen=True, eq=False)
class DeepSlot:
    """A stored fragment to be sampled deeply.

    Attributes:
        family_id, number: group and place, as of a ``Slot``.
        row: its row of the fragment table.
        away: [m, n, 3] Å, its query: support may not come near it.
    """

    family_id: str
    number: int
    row: dict
    away: np.ndarray
    heldout: bool = False

    @property
    def name(self) -> str:
        """``<group>-<number>``: names the slot's file in the journal."""
        return f"{self.family_id}-{self.number}"

    @property
    def atoms(self) -> int:
        """Of the fragment."""
        return len(self.row["atomic_numbers"])


def plan_deep(group: DeepGroup, recipe: PoolRecipe, pool: Path) -> list[DeepSlot]:
    """A slot for each pool fragment of the group that is sampled further.

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
        if c.fragment_id in query and c.trajectory_id.rsplit("/", 1)[1].startswith("q"):
            query[c.fragment_id].append(c.positions)
    return [DeepSlot(group.id, i, fragments[name], np.array(query[name])) for i, name in enumerate(names)]


def stored_fragment(row: dict) -> tuple[Fragment, np.ndarray]:
    """A fragment from its row of the fragment table, and its relaxed positions [n, 3] in Å.

    Bonds and first shells are perceived from the relaxed geometry: the gates made sure of them there.
    """
    numbers = np.array(row["atomic_numbers"], dtype=np.int32)
    relaxed = np.array(row["relaxed_positions"], dtype=float).reshape(-1, 3)
    motif, _, residues = row["residues"].partition(" ")
    fragment = Fragment(
        kind=row["kind"],
        motif=f"{row['kind']}:{motif}",
        pdb_id=row["pdb_id"],
        chain=row["chain"],
        residues=residues,
        atomic_numbers=numbers,
        positions=relaxed,
        bonds=bonds(numbers, relaxed),
        total_charge=int(row["total_charge"]),
        n_unpaired=int(row["n_unpaired"]),
        coordination=first_shell(relaxed, numbers),
    )
    return fragment, relaxed


def deep_trajectories(deep: Deep) -> Iterator[Trajectory]:
    """Trajectories ``d0``, ``d1``, … without end: replicas and displaced conformers in turn."""
    for number in count():
        sampler = DISPLACED if number % 2 else MD
        temperatures = deep.displaced_K if number % 2 else deep.md_K
        kelvin = temperatures[number // 2 % len(temperatures)]
        yield Trajectory(f"d{number}", sampler, kelvin, deep.frames)


def fill_deep(slot: DeepSlot, recipe: PoolRecipe) -> Outcome:
    """Sample and label a stored fragment until it has its configurations. Runs in a worker.

    A trajectory that fails a gate is left out whole, counted as ``trajectory`` among what was dropped; the
    outcome is empty where too many do.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    made, rejections = None, []
    try:
        made = _deepen(slot, recipe)
    except (Rejection, ScfFailure) as failure:
        place = {"slot": slot.name, "fragment": slot.row["fragment_id"], "kind": slot.row["kind"]}
        why = {"gate": getattr(failure, "gate", "scf"), "reason": str(failure)}
        rejections = [{**place, "motif": slot.row["residues"], **why}]
    return Outcome(
        slot=slot.name,
        family_id=slot.family_id,
        number=slot.number,
        heldout=False,
        made=made,
        rejections=rejections,
        wall_seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
    )


def _deepen(slot: DeepSlot, recipe: PoolRecipe) -> Made:
    fragment, relaxed = stored_fragment(slot.row)
    bounds, sampling = recipe.gates.of(fragment.kind), recipe.sampling.of(fragment.kind)
    name, deep = slot.row["fragment_id"], recipe.deep
    engine = Gfn2(fragment.atomic_numbers, fragment.total_charge, fragment.n_unpaired)
    gates.check_intact(fragment, relaxed)
    made = Made(fragment, name, relaxed, engine.label(relaxed).energy, sampler=slot.row["sampler"])
    engine.forget()
    curvature = hessian(lambda x: engine.walk(x).forces, relaxed)
    modes = normal_modes(curvature, fragment.atomic_numbers, sampling.mode_floor)
    wanted = -(-deep.configurations // deep.frames)
    for trajectory in deep_trajectories(deep):
        if len(made.configurations) >= deep.configurations:
            break
        before = len(made.configurations)
        endless = geometries(engine, fragment, relaxed, modes, trajectory, sampling, recipe.seed, name)
        try:
            label_trajectory(engine, made, trajectory, endless, bounds, slot.away)
        except (Rejection, ScfFailure):
            del made.configurations[before:], made.label_seconds[before:]
            made.dropped["trajectory"] += 1
            if made.dropped["trajectory"] > _LOST_SHARE * wanted:
                raise
    check_open_shell(engine, made, stream(recipe.seed, name, "deep"), bounds)
    return made
