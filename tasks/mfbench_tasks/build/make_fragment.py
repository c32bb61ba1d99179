"""From a cut to an accepted fragment: relax, gate, sample, label. Runs in a worker."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from mfbench.data.parquet import POSITION_GRID, round_to_grid
from mfbench_tasks.build.job import JobSettings
from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.fragments.fragment_id import id_in_family
from mfbench_tasks.labelling.tblite import Gfn2, ScfFailure
from mfbench_tasks.recipes.recipe import Gates, Sampling
from mfbench_tasks.sampling import gates
from mfbench_tasks.sampling.dynamics import relax
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.sampling.label_trajectory import LabelledFragment, away_from, label_trajectory
from mfbench_tasks.sampling.normal_modes import hessian, normal_modes
from mfbench_tasks.sampling.trajectories import Trajectory, geometries, trajectories
from mfbench_tasks.seeds import stream

__all__ = ["check_open_shell", "make_fragment"]


def make_fragment(
    fragment: Fragment, recipe: JobSettings, family_id: str, *, heldout: bool
) -> LabelledFragment:
    """Relax, gate, sample and label one fragment.

    Raises:
        Rejection: it failed a gate, named in ``gate``.
    """
    gates.check_cut(fragment)
    name = id_in_family(fragment, family_id)
    numbers, bounds = fragment.atomic_numbers, recipe.gates.of(fragment.kind)
    sampling = recipe.sampling.of(fragment.kind)
    engine = Gfn2(numbers, fragment.total_charge, fragment.n_unpaired)
    try:
        relaxed, before, _ = relax(
            engine,
            numbers,
            fragment.positions,
            fmax=sampling.relax_fmax,
            steps=sampling.relax_steps,
        )
        relaxed = round_to_grid(relaxed - relaxed.mean(axis=0), POSITION_GRID)
        energy = engine.label(relaxed).energy
        gates.check_intact(fragment, relaxed)
        gates.check_collapse(fragment, relaxed, before, energy, bounds)
        rng = stream(recipe.seed, name, "gates")
        shaken = relaxed + rng.normal(0.0, 0.03, relaxed.shape)
        error = gates.check_finite_differences(engine, shaken, rng, bounds.finite_difference)
        gates.check_rotation(engine, shaken, rng, bounds)
        engine.start_cold()
        curvature = hessian(lambda x: engine.warm_label(x).forces, relaxed)
        modes = normal_modes(curvature, numbers, sampling.mode_floor)
        wanted = trajectories(sampling, heldout=heldout)
        sampler = _describe(recipe.seed, sampling, wanted)
        labelled = LabelledFragment(fragment, name, relaxed, energy, sampler, finite_difference=error)
        for trajectory in wanted:
            endless = geometries(engine, fragment, relaxed, modes, trajectory, sampling, recipe.seed, name)
            label_trajectory(engine, labelled, trajectory, endless, bounds, away_from(labelled, trajectory))
        check_open_shell(engine, labelled, rng, bounds)
    except ScfFailure as failure:
        raise Rejection("scf", str(failure)) from failure
    return labelled


def check_open_shell(
    engine: Gfn2, labelled: LabelledFragment, rng: np.random.Generator, bounds: Gates
) -> None:
    """Finite differences on samples of an open shell too: its relaxed geometry may be no warning.

    Raises:
        Rejection: gate ``finite-differences``.
    """
    if labelled.fragment.n_unpaired:
        picks = rng.permutation(len(labelled.configurations))[: bounds.sampled_checks]
        sampled = np.array([labelled.configurations[k].positions for k in sorted(picks)])
        error = gates.check_sampled(engine, sampled, rng, bounds.finite_difference)
        labelled.finite_difference = max(labelled.finite_difference, error)


def _describe(seed: int, sampling: Sampling, wanted: Sequence[Trajectory]) -> str:
    parts = [[t.name, t.sampler, t.temperature_K, t.frames] for t in wanted]
    fields = set(type(sampling).model_fields) - {"by_kind"}
    shared = sampling.model_dump(include={n for n in fields if not n.endswith(("_K", "_frames"))})
    return json.dumps({"seed": seed, "trajectories": parts, **shared}, sort_keys=True)
