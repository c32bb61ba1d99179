"""Jobs of the reaction split: from a system to its path, and from a path to labelled configurations."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

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
from mfbench_tasks.sampling.label_trajectory import LabelledFragment, away_from, label_trajectory
from mfbench_tasks.seeds import stream

__all__ = ["DIRECTIONS", "SamplingJob", "ScanJob", "path_of", "sampling_name"]

DIRECTIONS = ("forward", "backward")


@dataclass(frozen=True, eq=False)
class ScanJob:
    """Scans a system there and back, and gates the path."""

    system: System

    @property
    def name(self) -> str:
        """Names the job in the journal."""
        return f"{self.system.fragment_id}.path"

    def run(self, settings: ReactionRecipe) -> Outcome:
        """The points of both scans are the outcome's configurations. Runs in a worker."""

        def work() -> LabelledFragment:
            system = self.system
            if not spin_is_possible(system.atomic_numbers, system.total_charge, 0):
                raise Rejection("spin", "an odd number of electrons")
            engine = Gfn2(system.atomic_numbers, system.total_charge)
            path = scan_path(engine, system, settings.scan, settings.seed)
            check_path(system, path, settings.bounds)
            labelled = _labelled_fragment(system, path, sampler="scan")
            rng = stream(settings.seed, system.fragment_id, "gates")
            for x in path.lower(path.positions)[[0, path.top]]:
                shaken = x + rng.normal(0.0, 0.03, x.shape)
                error = gates.check_finite_differences(
                    engine, shaken, rng, settings.gates.finite_difference
                )
                gates.check_rotation(engine, shaken, rng, settings.gates)
                labelled.finite_difference = max(labelled.finite_difference, error)
            for k, frame in np.ndindex(path.energies.shape):
                labelled.configurations.append(_scan_point(labelled, path, k, frame))
            return labelled

        return _outcome(self.system, self.name, False, work)


@dataclass(frozen=True, eq=False)
class SamplingJob:
    """Samples and labels the windows of a path.

    Attributes:
        path: found by the system's ``ScanJob``.
        heldout: whether the system is held out of the support.
    """

    system: System
    path: Path
    heldout: bool

    @property
    def name(self) -> str:
        """Names the job in the journal."""
        return sampling_name(self.system, heldout=self.heldout)

    def run(self, settings: ReactionRecipe) -> Outcome:
        """The labelled windows; runs in a worker."""

        def work() -> LabelledFragment:
            system = self.system
            engine = Gfn2(system.atomic_numbers, system.total_charge)
            rng = stream(settings.seed, system.fragment_id, "windows")
            wanted = windows(settings.windows, rng, heldout=self.heldout)
            labelled = _labelled_fragment(system, self.path, sampler=_describe(settings, system, wanted))
            for window in wanted:
                rng = stream(settings.seed, system.fragment_id, window.trajectory.name)
                label_trajectory(
                    engine,
                    labelled,
                    window.trajectory,
                    geometries(engine, system, self.path, window, settings.windows, rng),
                    settings.gates,
                    away_from(labelled, window.trajectory),
                    intact=lambda _, x: system.holds(x, settings.bounds.apart),
                )
            return labelled

        return _outcome(self.system, self.name, self.heldout, work)


def sampling_name(system: System, *, heldout: bool) -> str:
    """Name of the job that samples a system."""
    return f"{system.fragment_id}.{'heldout' if heldout else 'pool'}"


def path_of(system: System, outcome: Outcome) -> Path:
    """The path that a ``ScanJob`` found."""
    points = outcome.accepted.configurations
    shape = (len(DIRECTIONS), len(points) // len(DIRECTIONS))
    return Path.measured(
        system,
        np.array([c.positions for c in points]).reshape(*shape, len(system), 3),
        np.array([c.energy for c in points]).reshape(shape),
        np.array([c.forces for c in points]).reshape(*shape, len(system), 3),
    )


def _outcome(system: System, name: str, heldout: bool, work: Callable[[], LabelledFragment]) -> Outcome:
    wall, cpu = time.perf_counter(), time.process_time()
    labelled, rejections = None, []
    try:
        try:
            labelled = work()
        except ScfFailure as failure:
            raise Rejection("scf", str(failure)) from failure
    except Rejection as rejection:
        rejections.append(
            {
                "slot": name,
                "fragment": system.fragment_id,
                "kind": "reaction",
                "motif": system.smiles,
                "gate": rejection.gate,
                "reason": rejection.reason,
            }
        )
    return Outcome(
        job=name,
        family_id=system.family_id,
        number=0,  # its place in the family is known at the end
        heldout=heldout,
        labelled=labelled,
        rejections=rejections,
        wall_seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
    )


def _labelled_fragment(system: System, path: Path, *, sampler: str) -> LabelledFragment:
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
    return LabelledFragment(
        fragment, system.fragment_id, start, float(path.lower(path.energies)[0]), sampler
    )


def _scan_point(labelled: LabelledFragment, path: Path, k: int, frame: int) -> Configuration:
    name = f"{labelled.fragment_id}/{DIRECTIONS[k]}"
    return Configuration(
        atomic_numbers=labelled.fragment.atomic_numbers,
        positions=path.positions[k, frame],
        total_charge=labelled.fragment.total_charge,
        energy=float(path.energies[k, frame]),
        forces=round_to_grid(path.forces[k, frame], FORCE_GRID),
        config_id=f"{name}/{frame}",
        fragment_id=labelled.fragment_id,
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
