"""Labels the geometries of a trajectory, dropping those that fail a gate."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mfbench.data.alignment import aligned_rmsd
from mfbench.data.configuration import Configuration
from mfbench.data.parquet import FORCE_GRID, POSITION_GRID, round_to_grid
from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.labelling.tblite import Gfn2, Label
from mfbench_tasks.recipes.recipe import Gates
from mfbench_tasks.sampling import gates
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.sampling.role import Role, stored_role
from mfbench_tasks.sampling.trajectories import Trajectory

__all__ = ["LabelledFragment", "away_from", "label_trajectory"]


@dataclass(eq=False)
class LabelledFragment:
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
    dropped: Counter[str] = field(default_factory=Counter[str])


def away_from(labelled: LabelledFragment, trajectory: Trajectory) -> list[np.ndarray]:
    """What a trajectory may not nearly meet again: the support of its fragment, where it is a query one."""
    if not trajectory.is_query:
        return []
    return [c.positions for c in labelled.configurations if stored_role(c.trajectory_id) == Role.SUPPORT]


def label_trajectory(
    engine: Gfn2,
    labelled: LabelledFragment,
    trajectory: Trajectory,
    geometries: Iterable[np.ndarray],
    bounds: Gates,
    away: Sequence[np.ndarray] = (),
    *,
    intact: Callable[[Fragment, np.ndarray], bool] = gates.intact,
) -> None:
    """Label geometries [n, 3] (Å) until the trajectory is full, dropping those that fail a gate.

    Adds to ``labelled``: its configurations, label times, and counts of what was dropped.

    Args:
        away: positions [n, 3] (Å) that may not be nearly met again, see ``away_from``.
        intact: whether positions [n, 3] (Å) have the bonds that they should.

    Raises:
        Rejection: gate ``sampling``: too many were dropped, or the geometries ended too soon.
        ScfFailure: a label did not converge.
    """
    known = np.array(away)
    dropped: Counter[str] = Counter()
    frame = 0
    for positions in geometries:
        x = round_to_grid(positions - positions.mean(axis=0), POSITION_GRID)
        gate = None if intact(labelled.fragment, x) else "bonds"
        if gate is None and len(known) and aligned_rmsd(x, known).min() < bounds.near_twin:
            gate = "near-twin"
        if gate is None:
            start = time.perf_counter()
            label = engine.label(x)
            seconds = time.perf_counter() - start
            gate = _bad_label(labelled, label, bounds)
        if gate is not None:
            dropped[gate] += 1
            if sum(dropped.values()) > 2 + bounds.dropped_share * trajectory.frames:
                raise Rejection(
                    "sampling", f"trajectory {trajectory.name} ({trajectory.sampler}): {dict(dropped)}"
                )
            continue
        labelled.configurations.append(_configuration(labelled, trajectory, frame, x, label))
        labelled.label_seconds.append(seconds)
        frame += 1
        if frame == trajectory.frames:
            break
    else:
        raise Rejection("sampling", f"trajectory {trajectory.name} ended after {frame} configurations")
    labelled.dropped.update(dropped)


def _bad_label(labelled: LabelledFragment, label: Label, bounds: Gates) -> str | None:
    if label.start_gap > bounds.start_gap:
        return "scf-start"
    if np.abs(label.forces).max() > bounds.force:
        return "force"
    if not -bounds.gain <= label.energy - labelled.relaxed_energy <= bounds.strain:
        return "energy"
    return None


def _configuration(
    labelled: LabelledFragment, trajectory: Trajectory, frame: int, x: np.ndarray, label: Label
) -> Configuration:
    name = f"{labelled.fragment_id}/{trajectory.name}"
    return Configuration(
        atomic_numbers=labelled.fragment.atomic_numbers,
        positions=x,
        total_charge=labelled.fragment.total_charge,
        n_unpaired=labelled.fragment.n_unpaired,
        energy=label.energy,
        forces=round_to_grid(label.forces, FORCE_GRID),
        config_id=f"{name}/{frame}",
        fragment_id=labelled.fragment_id,
        trajectory_id=name,
        temperature_K=trajectory.temperature_K,
        sampler=trajectory.sampler,
    )
