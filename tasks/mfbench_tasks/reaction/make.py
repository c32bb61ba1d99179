"""From a system to its path, and from a path to labelled configurations. Runs in a worker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.parquet import FORCE_GRID, round_to_grid
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.fragments.electron_count import spin_is_possible
from mfbench_tasks.labelling.tblite import Gfn2, ScfFailure
from mfbench_tasks.reaction.path import Path, check_path, scan_path
from mfbench_tasks.reaction.sample import Window, geometries, windows
from mfbench_tasks.reaction.settings import ReactionRecipe
from mfbench_tasks.reaction.system import System
from mfbench_tasks.sampling import gates
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.sampling.label_trajectory import Made, away_from, label_trajectory
from mfbench_tasks.seeds import stream

__all__ = ["DIRECTIONS", "STAGES", "find_path", "path_of", "sample_system", "slot_name", "stage_of"]

DIRECTIONS = ("forward", "backward")
STAGES = ("path", "pool", "heldout")


def stage_of(heldout: bool) -> str:
    """The stage that samples a system."""
    return "heldout" if heldout else "pool"


def slot_name(system: System, stage: str) -> str:
    """Name of a stage's slot in the journal."""
    return f"{system.fragment_id}.{stage}"


def find_path(system: System, recipe: ReactionRecipe) -> Outcome:
    """Scan there and back, and gate the path; the points of both scans are the outcome's configurations."""

    def work() -> Made:
        if not spin_is_possible(system.atomic_numbers, system.total_charge, 0):
            raise Rejection("spin", "an odd number of electrons")
        engine = Gfn2(system.atomic_numbers, system.total_charge)
        path = scan_path(engine, system, recipe.scan, recipe.seed)
        check_path(system, path, recipe.bounds)
        made = _made(system, path, sampler="scan")
        rng = stream(recipe.seed, system.fragment_id, "gates")
        for x in path.lower(path.positions)[[0, path.top]]:
            shaken = x + rng.normal(0.0, 0.03, x.shape)
            error = gates.check_finite_differences(engine, shaken, rng, recipe.gates.finite_difference)
            gates.check_rotation(engine, shaken, rng, recipe.gates)
            made.finite_difference = max(made.finite_difference, error)
        for k, frame in np.ndindex(path.energies.shape):
            made.configurations.append(_scan_point(made, path, k, frame))
        return made

    return _outcome(system, "path", False, work)


def sample_system(system: System, path: Path, recipe: ReactionRecipe, heldout: bool) -> Outcome:
    """Sample and label the windows of a path."""

    def work() -> Made:
        engine = Gfn2(system.atomic_numbers, system.total_charge)
        rng = stream(recipe.seed, system.fragment_id, "windows")
        wanted = windows(recipe.windows, rng, heldout=heldout)
        made = _made(system, path, sampler=_describe(recipe, system, wanted))
        for window in wanted:
            rng = stream(recipe.seed, system.fragment_id, window.trajectory.name)
            label_trajectory(
                engine,
                made,
                window.trajectory,
                geometries(engine, system, path, window, recipe.windows, rng),
                recipe.gates,
                away_from(made, window.trajectory),
                intact=lambda _, x: system.holds(x, recipe.bounds.apart),
            )
        return made

    return _outcome(system, stage_of(heldout), heldout, work)


def path_of(system: System, outcome: Outcome) -> Path:
    """The path that ``find_path`` found."""
    points = outcome.made.configurations
    shape = (len(DIRECTIONS), len(points) // len(DIRECTIONS))
    return Path.measured(
        system,
        np.array([c.positions for c in points]).reshape(*shape, len(system), 3),
        np.array([c.energy for c in points]).reshape(shape),
        np.array([c.forces for c in points]).reshape(*shape, len(system), 3),
    )


def _outcome(system: System, stage: str, heldout: bool, work: Callable[[], Made]) -> Outcome:
    wall, cpu = time.perf_counter(), time.process_time()
    made, rejections = None, []
    try:
        try:
            made = work()
        except ScfFailure as failure:
            raise Rejection("scf", str(failure)) from failure
    except Rejection as rejection:
        rejections.append(
            {
                "slot": slot_name(system, stage),
                "fragment": system.fragment_id,
                "kind": "reaction",
                "motif": system.smiles,
                "gate": rejection.gate,
                "reason": rejection.reason,
            }
        )
    return Outcome(
        slot=slot_name(system, stage),
        family_id=system.family_id,
        number=0,  # its place in the family is known at the end
        heldout=heldout,
        made=made,
        rejections=rejections,
        wall_seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
    )


def _made(system: System, path: Path, *, sampler: str) -> Made:
    """Without configurations; ``relaxed`` is the path's reactant end, whose graph names the fragment."""
    start = path.lower(path.positions)[0]
    fragment = Fragment(
        kind="reaction",
        motif=f"reaction:{system.family_id}",
        pdb_id="",
        chain="",
        residues=system.smiles,
        atomic_numbers=system.atomic_numbers,
        positions=start,
        bonds=system.bonds,
        total_charge=system.total_charge,
    )
    return Made(fragment, system.fragment_id, start, float(path.lower(path.energies)[0]), sampler)


def _scan_point(made: Made, path: Path, k: int, frame: int) -> Configuration:
    name = f"{made.fragment_id}/{DIRECTIONS[k]}"
    return Configuration(
        atomic_numbers=made.fragment.atomic_numbers,
        positions=path.positions[k, frame],
        total_charge=made.fragment.total_charge,
        energy=float(path.energies[k, frame]),
        forces=round_to_grid(path.forces[k, frame], FORCE_GRID),
        config_id=f"{name}/{frame}",
        fragment_id=made.fragment_id,
        trajectory_id=name,
        sampler="scan",
    )


def _describe(recipe: ReactionRecipe, system: System, wanted: list[Window]) -> str:
    """JSON of what made the configurations: the windows, and the atoms whose bonds change."""
    parts = [
        [w.trajectory.name, w.trajectory.sampler, w.trajectory.temperature_K, w.trajectory.frames]
        + [round(w.place, 4)]
        for w in wanted
    ]
    return json.dumps(
        {
            "seed": recipe.seed,
            "broken": system.coordinate.broken.tolist(),
            "formed": system.coordinate.formed.tolist(),
            "windows": parts,
        },
        sort_keys=True,
    )
