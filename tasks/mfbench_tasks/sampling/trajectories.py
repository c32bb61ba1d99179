"""Sampling: trajectories of one fragment, each from its own conformer and its own random stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.fragments.torsions import Moves, find_moves, random_move
from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.recipes.recipe import Sampling
from mfbench_tasks.sampling.dynamics import langevin, relax
from mfbench_tasks.sampling.gates import intact
from mfbench_tasks.sampling.normal_modes import Modes
from mfbench_tasks.sampling.role import Role
from mfbench_tasks.seeds import stream

__all__ = ["DISPLACED", "MD", "Trajectory", "geometries", "trajectories"]

MD, DISPLACED = "md", "displaced"
_TRIES = 200
_SPARE = 10
"""A replica may run so many times the frames wanted; gates reject the fragment long before."""


@dataclass(frozen=True)
class Trajectory:
    """A trajectory to be sampled: its name in the fragment, sampler, K, length, and what it is for."""

    name: str
    sampler: str
    temperature_K: float
    frames: int
    role: Role

    @property
    def is_query(self) -> bool:
        """Whether it serves the query; else the support."""
        return self.role == Role.QUERY


def trajectories(recipe: BaseModel, *, heldout: bool) -> list[Trajectory]:
    """The trajectories of a fragment, support first; a held-out fragment has query ones only.

    Args:
        recipe: with the fields ``{support,query}_{md,displaced}_{K,frames}``, as ``Sampling`` has them.
    """
    roles = [("q", Role.QUERY)] if heldout else [("s", Role.SUPPORT), ("q", Role.QUERY)]
    out = []
    for letter, role in roles:
        number = 0
        for sampler in (MD, DISPLACED):
            temperatures = getattr(recipe, f"{role}_{sampler}_K")
            frames = getattr(recipe, f"{role}_{sampler}_frames")
            for kelvin, length in zip(temperatures, frames, strict=True):
                out.append(Trajectory(f"{letter}{number}", sampler, kelvin, length, role))
                number += 1
    return out


def geometries(
    engine: Gfn2,
    fragment: Fragment,
    relaxed: np.ndarray,
    modes: Modes,
    trajectory: Trajectory,
    recipe: Sampling,
    seed: int,
    fragment_id: str,
) -> Iterator[np.ndarray]:
    """Geometries [n, 3] (Å) of a trajectory, far more than it needs: the caller takes the good ones.

    Raises:
        ScfFailure: a step did not converge.
    """
    rng = stream(seed, fragment_id, trajectory.name)
    moves = find_moves(fragment.atomic_numbers, fragment.bonds, fragment.coordination)
    # The conformer is a seed, not a geometry: a displaced frame first shakes the relaxed geometry,
    # where the modes are valid, and then turns the same torsions by the same angles.
    conformer = _conformer(fragment, relaxed, moves, recipe, rng)

    def to_conformer(x: np.ndarray) -> np.ndarray:
        return random_move(x, moves, np.random.default_rng(conformer), **recipe.start.model_dump())

    if trajectory.sampler == DISPLACED:
        while True:
            shaken = relaxed + modes.displacement(rng, trajectory.temperature_K)
            yield random_move(to_conformer(shaken), moves, rng, **recipe.jitter.model_dump())
    start, _, _ = relax(
        engine,
        fragment.atomic_numbers,
        to_conformer(relaxed),
        fmax=recipe.relax_fmax,
        steps=recipe.start_steps,
    )
    yield from langevin(
        engine,
        fragment.atomic_numbers,
        start,
        rng,
        temperature_K=trajectory.temperature_K,
        equilibration=recipe.equilibration_steps,
        spacing=recipe.spacing_steps,
        frames=_SPARE * trajectory.frames,
        timestep_fs=recipe.timestep_fs,
        friction_per_fs=recipe.friction_per_fs,
    )


def _conformer(
    fragment: Fragment,
    relaxed: np.ndarray,
    moves: Moves,
    recipe: Sampling,
    rng: np.random.Generator,
) -> int:
    """Seed of a random conformer without clashes; after many failures the first, which the gates judge."""
    options = [int(s) for s in rng.integers(0, 2**63, size=_TRIES)]
    for option in options:
        moved = random_move(relaxed, moves, np.random.default_rng(option), **recipe.start.model_dump())
        if intact(fragment, moved) and _without_clashes(fragment, moved):
            return option
    return options[0]


def _without_clashes(fragment: Fragment, x: np.ndarray) -> bool:
    """No two atoms four or more bonds apart nearer than 1.7 Å (2.4 Å between heavy atoms)."""
    n = len(x)
    near = np.eye(n, dtype=bool)
    for pairs in (fragment.bonds, fragment.coordination):
        near[pairs[:, 0], pairs[:, 1]] = True
    near |= near.T
    reach = np.linalg.matrix_power(near.astype(int), 3) > 0
    heavy = fragment.atomic_numbers > 1
    bound = np.where(heavy[:, None] & heavy[None], 2.4, 1.7)
    distance = np.linalg.norm(x[:, None] - x[None], axis=-1)
    return not np.any((distance < bound) & ~reach)
