"""Configurations along and off a path: each trajectory has its own window, start and random stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.reaction.bias import Biased
from mfbench_tasks.reaction.path import Path
from mfbench_tasks.reaction.settings import Windows
from mfbench_tasks.reaction.system import System
from mfbench_tasks.sampling.dynamics import langevin, relax
from mfbench_tasks.sampling.normal_modes import hessian, normal_modes
from mfbench_tasks.sampling.trajectories import DISPLACED, MD, Trajectory, trajectories

__all__ = ["Window", "geometries", "windows"]

_SPARE = 10
"""A replica may run so many times the frames wanted; gates reject the system long before."""


@dataclass(frozen=True)
class Window:
    """A trajectory and where along the path it is held: 0 at the reactants, 1 at the products."""

    trajectory: Trajectory
    place: float


def windows(settings: Windows, rng: np.random.Generator, *, heldout: bool) -> list[Window]:
    """The windows of a system, support first; a held-out system has query ones only.

    Support windows of a sampler are spread evenly, one at random in each equal part of the path. Each
    query window lies half-way between two neighbouring support windows, drawn at random: no window
    serves both, and query is as far from support as query trajectories are from each other.
    """
    wanted = trajectories(settings, heldout=False)
    places: dict[str, float] = {}
    for sampler in (MD, DISPLACED):
        support = [t.name for t in wanted if t.sampler == sampler and not t.is_query]
        parts = (rng.permutation(len(support)) + rng.uniform(size=len(support))) / len(support)
        places |= dict(zip(support, parts.tolist(), strict=True))
    edges = np.sort(list(places.values()))
    between = (edges[1:] + edges[:-1]) / 2.0
    places |= {t.name: float(rng.choice(between)) for t in wanted if t.is_query}
    return [Window(t, places[t.name]) for t in wanted if t.is_query or not heldout]


def geometries(
    engine: Gfn2, system: System, path: Path, window: Window, settings: Windows, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Geometries [n, 3] (Å) of a window, far more than it needs: the caller takes the good ones.

    Raises:
        ScfFailure: a step did not converge.
    """
    q = path.lower(path.q)
    target = q[0] + window.place * (q[-1] - q[0])
    nearest = path.lower(path.positions)[np.abs(q - target).argmin()]
    biased = Biased(engine, system, target, settings.stiffness)
    start, _, _ = relax(
        biased,
        system.atomic_numbers,
        nearest + rng.normal(0.0, settings.kick, nearest.shape),
        fmax=settings.start_fmax,
        steps=settings.start_steps,
    )
    kelvin = window.trajectory.temperature_K
    if window.trajectory.sampler == DISPLACED:
        engine.start_cold()
        curvature = hessian(lambda x: biased.warm_label(x).forces, start)
        modes = normal_modes(curvature, system.atomic_numbers, settings.mode_floor)
        while True:
            yield start + modes.displacement(rng, kelvin)
    yield from langevin(
        biased,
        system.atomic_numbers,
        start,
        rng,
        temperature_K=kelvin,
        equilibration=settings.equilibration_steps,
        spacing=settings.spacing_steps,
        frames=_SPARE * window.trajectory.frames,
        timestep_fs=settings.timestep_fs,
        friction_per_fs=settings.friction_per_fs,
    )
