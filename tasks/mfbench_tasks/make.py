"""From a cut fragment to labelled configurations: relax, gate, sample, label. Runs in a worker."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mfbench.configuration import Configuration
from mfbench.tables import FORCE_GRID, POSITION_GRID, round_to_grid
from mfbench_tasks import gates
from mfbench_tasks.cut import Fragment
from mfbench_tasks.gates import Rejection
from mfbench_tasks.label import Gfn2, Label, ScfFailure
from mfbench_tasks.modes import Modes, hessian, normal_modes
from mfbench_tasks.plan import Slot
from mfbench_tasks.recipe import Recipe
from mfbench_tasks.sample import Trajectory, geometries, trajectories
from mfbench_tasks.seeds import stream
from mfbench_tasks.twins import aligned_rmsd
from mfbench_tasks.walk import relax

__all__ = ["Made", "Outcome", "fill_slot", "make_fragment"]


@dataclass(eq=False)
class Made:
    """An accepted fragment.

    Attributes:
        fragment_id: unique in the split.
        relaxed: [n, 3] Å, loosely relaxed.
        relaxed_energy: eV.
        sampler: JSON of what made its configurations.
        configurations: labelled, by trajectory and frame.
        label_seconds: wall time of each label.
        finite_difference: largest error seen, eV/Å.
        dropped: gate → number of configurations dropped by it.
    """

    fragment: Fragment
    fragment_id: str
    relaxed: np.ndarray
    relaxed_energy: float
    sampler: str
    configurations: list[Configuration] = field(default_factory=list)
    label_seconds: list[float] = field(default_factory=list)
    finite_difference: float = 0.0
    dropped: Counter = field(default_factory=Counter)


@dataclass(eq=False)
class Outcome:
    """What became of a slot: the accepted fragment (None if all candidates failed), rejections."""

    slot: str
    family_id: str
    number: int
    heldout: bool
    made: Made | None
    rejections: list[dict]
    wall_seconds: float
    cpu_seconds: float


def fill_slot(slot: Slot, recipe: Recipe) -> Outcome:
    """Try a slot's candidates in order; the first that passes every gate fills it.

    The outcome depends on the slot and the recipe alone, not on the worker or on other slots.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    rejections, made = [], None
    for fragment in slot.candidates:
        try:
            made = make_fragment(fragment, recipe, slot.family_id, heldout=slot.heldout)
            break
        except Rejection as rejection:
            rejections.append(
                {
                    "slot": slot.name,
                    "fragment": _fragment_id(fragment, slot.family_id),
                    "kind": fragment.kind,
                    "motif": fragment.motif,
                    "gate": rejection.gate,
                    "reason": rejection.reason,
                }
            )
    return Outcome(
        slot=slot.name,
        family_id=slot.family_id,
        number=slot.number,
        heldout=slot.heldout,
        made=made,
        rejections=rejections,
        wall_seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
    )


def make_fragment(fragment: Fragment, recipe: Recipe, family_id: str, *, heldout: bool) -> Made:
    """Relax, gate, sample and label one fragment.

    Raises:
        Rejection: it failed a gate, named in ``gate``.
    """
    gates.check_cut(fragment)
    fragment_id = _fragment_id(fragment, family_id)
    numbers, bounds = fragment.atomic_numbers, recipe.gates
    engine = Gfn2(numbers, fragment.total_charge, fragment.n_unpaired)
    try:
        relaxed, before, _ = relax(
            engine,
            numbers,
            fragment.positions,
            fmax=recipe.sampling.relax_fmax,
            steps=recipe.sampling.relax_steps,
        )
        relaxed = round_to_grid(relaxed - relaxed.mean(axis=0), POSITION_GRID)
        energy = engine.label(relaxed).energy
        gates.check_intact(fragment, relaxed)
        gates.check_collapse(fragment, relaxed, before, energy, bounds)
        rng = stream(recipe.seed, fragment_id, "gates")
        shaken = relaxed + rng.normal(0.0, 0.03, relaxed.shape)
        error = gates.check_finite_differences(engine, shaken, rng, bounds.finite_difference)
        gates.check_rotation(engine, shaken, rng, bounds)
        engine.forget()
        curvature = hessian(lambda x: engine.walk(x).forces, relaxed)
        modes = normal_modes(curvature, numbers, recipe.sampling.mode_floor)
        wanted = trajectories(recipe.sampling, heldout=heldout)
        sampler = _describe(recipe, wanted)
        made = Made(fragment, fragment_id, relaxed, energy, sampler, finite_difference=error)
        for trajectory in wanted:
            _sample(engine, made, modes, trajectory, recipe)
    except ScfFailure as failure:
        raise Rejection("scf", str(failure)) from failure
    return made


def _sample(
    engine: Gfn2, made: Made, modes: Modes, trajectory: Trajectory, recipe: Recipe
) -> None:
    """Label one trajectory's configurations, dropping those that fail a gate."""
    support = np.array(
        [c.positions for c in made.configurations if "/s" in c.config_id]
    ).reshape(-1, *made.relaxed.shape)
    dropped: Counter = Counter()
    frame = 0
    stream_of = geometries(
        engine,
        made.fragment,
        made.relaxed,
        modes,
        trajectory,
        recipe.sampling,
        recipe.seed,
        made.fragment_id,
    )
    for positions in stream_of:
        x = round_to_grid(positions - positions.mean(axis=0), POSITION_GRID)
        gate = _bad_geometry(made, x, trajectory, support, recipe)
        if gate is None:
            start = time.perf_counter()
            label = engine.label(x)
            seconds = time.perf_counter() - start
            gate = _bad_label(made, label, recipe)
        if gate is not None:
            dropped[gate] += 1
            if sum(dropped.values()) > 2 + recipe.gates.dropped_share * trajectory.frames:
                raise Rejection(
                    "sampling", f"trajectory {trajectory.name} ({trajectory.sampler}): {dict(dropped)}"
                )
            continue
        made.configurations.append(_configuration(made, trajectory, frame, x, label))
        made.label_seconds.append(seconds)
        frame += 1
        if frame == trajectory.frames:
            break
    made.dropped.update(dropped)


def _bad_geometry(
    made: Made, x: np.ndarray, trajectory: Trajectory, support: np.ndarray, recipe: Recipe
) -> str | None:
    if not gates.intact(made.fragment, x):
        return "bonds"
    if trajectory.is_query and len(support):
        if aligned_rmsd(x, support).min() < recipe.gates.near_twin:
            return "near-twin"
    return None


def _bad_label(made: Made, label: Label, recipe: Recipe) -> str | None:
    bounds = recipe.gates
    if np.abs(label.forces).max() > bounds.force:
        return "force"
    if not -bounds.gain <= label.energy - made.relaxed_energy <= bounds.strain:
        return "energy"
    return None


def _configuration(
    made: Made, trajectory: Trajectory, frame: int, x: np.ndarray, label: Label
) -> Configuration:
    name = f"{made.fragment_id}/{trajectory.name}"
    return Configuration(
        atomic_numbers=made.fragment.atomic_numbers,
        positions=x,
        total_charge=made.fragment.total_charge,
        n_unpaired=made.fragment.n_unpaired,
        energy=label.energy,
        forces=round_to_grid(label.forces, FORCE_GRID),
        config_id=f"{name}/{frame}",
        fragment_id=made.fragment_id,
        trajectory_id=name,
        temperature_K=trajectory.temperature_K,
        sampler=trajectory.sampler,
    )


def _fragment_id(fragment: Fragment, family_id: str) -> str:
    """``<entry>.<kind's first letter>.<residues>-<family digest>``: the same place may serve two
    families, each with its own trajectories."""
    digest = hashlib.sha256(family_id.encode()).hexdigest()[:2]
    return f"{fragment.pdb_id}.{fragment.kind[0]}.{fragment.residues}.{digest}"


def _describe(recipe: Recipe, wanted: Sequence[Trajectory]) -> str:
    parts = [[t.name, t.sampler, t.temperature_K, t.frames] for t in wanted]
    shared = recipe.sampling.model_dump(
        exclude={name for name in type(recipe.sampling).model_fields if name.endswith(("_K", "_frames"))}
    )
    return json.dumps({"seed": recipe.seed, "trajectories": parts, **shared}, sort_keys=True)
