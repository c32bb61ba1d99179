"""From labelled configurations to an adapted model: choose by cross-validation, then learn from all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.errors import ProtocolError, UnknownNameError
from mfbench.own.committee import Committee
from mfbench.own.cross_validate import HeldOut, calibrated, cross_validate
from mfbench.own.fit import RECIPES, Recipe, fit_member, recipe_of
from mfbench.own.folds import blocked_folds
from mfbench.own.model import AdaptedModel
from mfbench.own.starts import SCRATCH, Start, candidate_starts, find_start
from mfbench.own.uncertainty import UNCERTAINTIES
from mfbench.protocol.cost import code_version, hardware
from mfbench.protocol.loading import load_engine

__all__ = ["Adaptation", "adapt", "adapt_with_record", "affordable", "plan_of"]

MEMBERS = 3
FOLDS = 3
SMALL_BATCH = 1.5
"""How much more a configuration costs where fewer share a step."""
_FEW = 9
"""Fewer labels than this are not cross-validated."""
Note = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Adaptation:
    """A model and how it was chosen.

    Attributes:
        model: the result.
        tried: cross-validations, the chosen one first; empty where there were too few labels.
        diverged: names of what gave numbers that are not finite.
        folds: indices of the held-out blocks.
        seconds: wall time of all.
    """

    model: AdaptedModel
    tried: tuple[HeldOut, ...]
    diverged: tuple[str, ...]
    folds: tuple[np.ndarray, ...]
    seconds: float


def adapt(
    configurations: Sequence[Configuration],
    start: str = "auto",
    *,
    backend: str = "jax",
    seconds: float = 90.0,
    steps: int | None = None,
    uncertainty: str = UNCERTAINTIES[0],
    seed: int = 0,
) -> AdaptedModel:
    """A model of own molecules from their labelled configurations.

    Args:
        configurations: labelled, in eV and eV/Å (``mfbench.own.preflight`` makes them from files).
        start: name or path of a start, ``scratch``, or ``auto``: chosen by cross-validation.
        backend: ``jax`` or ``torch``.
        seconds: wall time to stay within, as far as the cheapest recipe allows.
        steps: gradient steps, instead of choosing among recipes.
        uncertainty: of error bars: ``committee`` (how three adaptations differ), ``laplace`` (the posterior
            of the last layer) or ``both``.
        seed: of everything that is drawn.

    Raises:
        ProtocolError: fewer than two labelled configurations.
        CheckpointError: no such start, or it lacks an element.
        UnknownNameError: no such backend or uncertainty.
        TrainingError: no recipe gives finite weights.
    """
    return adapt_with_record(
        configurations,
        start,
        backend=backend,
        seconds=seconds,
        steps=steps,
        uncertainty=uncertainty,
        seed=seed,
    ).model


def adapt_with_record(
    configurations: Sequence[Configuration],
    start: str = "auto",
    *,
    backend: str = "jax",
    seconds: float = 90.0,
    steps: int | None = None,
    uncertainty: str = UNCERTAINTIES[0],
    seed: int = 0,
    asked: Sequence[Configuration] = (),
    note: Note = lambda text: None,
) -> Adaptation:
    """As ``adapt``, with everything that a report shows.

    Args:
        asked: what will be asked of the model: programs are compiled for molecules of that size at once.
        note: told what is being done.
    """
    began = time.monotonic()
    if len(configurations) < 2:
        raise ProtocolError("adapting needs at least two labelled configurations")
    if uncertainty not in UNCERTAINTIES:
        names = ", ".join(UNCERTAINTIES)
        raise UnknownNameError(f"unknown uncertainty '{uncertainty}': choose one of {names}")
    starts = candidate_starts(configurations) if start == "auto" else [find_start(start, configurations)]
    recipes = RECIPES if steps is None else (recipe_of(steps),)
    engine = load_engine(backend).sized_for([*configurations, *asked], starts[0].config)
    tried: list[HeldOut] = []
    diverged: list[str] = []
    folds: list[np.ndarray] = []
    if len(configurations) >= _FEW:
        folds = blocked_folds(configurations, FOLDS)
        for option_start, recipe in plan_of(starts, recipes):
            left = seconds - (time.monotonic() - began)
            within = affordable(option_start, recipe, tried, left) if tried else recipe
            if within is None:
                continue
            name = f"{option_start.name}, {within.name}"
            note(f"cross-validating {name}")
            found = cross_validate(engine, option_start, within, configurations, folds, seed=seed)
            if found is None:
                diverged.append(name)
            else:
                tried.append(found)
        tried.sort(key=lambda found: found.score(configurations))
    chosen_start, recipe = (
        (tried[0].start, tried[0].recipe) if tried else (starts[0], recipes[min(1, len(recipes) - 1)])
    )
    calibration = None
    if tried:
        note("calibrating error bars")
        held_out = cross_validate(
            engine,
            chosen_start,
            recipe,
            configurations,
            folds,
            members=MEMBERS,
            uncertainty=uncertainty,
            seed=seed,
        )
        if held_out is not None:
            calibration = calibrated(held_out, configurations)
            tried[0] = held_out
    note(f"adapting to all {len(configurations)} labels: {chosen_start.name}, {recipe.name}")
    members = tuple(
        fit_member(engine, chosen_start, recipe, configurations, seed + i) for i in range(MEMBERS)
    )
    card = _card(configurations, chosen_start, recipe, backend, seed, tried)
    committee = Committee.of(engine, members, configurations, uncertainty)
    model = AdaptedModel(committee, calibration, card, engine)
    return Adaptation(model, tuple(tried), tuple(diverged), tuple(folds), time.monotonic() - began)


def plan_of(starts: Sequence[Start], recipes: Sequence[Recipe]) -> list[tuple[Start, Recipe]]:
    """Cheap recipes first; scratch beside others with the longest alone, since it needs one.

    The first is tried whatever it takes: it must be a cheap one, where scratch stands alone too.
    """
    trained = [s for s in starts if s.name != SCRATCH]
    if not trained:
        return [(s, r) for r in recipes for s in starts]
    plan = [(s, r) for r in recipes for s in trained]
    return [*plan, *((s, recipes[-1]) for s in starts if s.name == SCRATCH)]


def affordable(start: Start, recipe: Recipe, tried: Sequence[HeldOut], left: float) -> Recipe | None:
    """The recipe, or as many of its steps as another cross-validation, the calibration and the final fits
    leave time for; None where that is not twice the gradients that this start was tried with.

    What is spent beside gradient steps (predictions, the energy zero) does not grow with their number.

    Args:
        start: what it would be tried on.
        recipe: to shorten.
        tried: at least one, the last ones say the pace.
        left: seconds.
    """
    pace = max(t.stepping / max(t.recipe.steps * t.recipe.batch, 1) for t in tried[-3:])
    if recipe.batch < min(t.recipe.batch for t in tried[-3:]):
        pace *= SMALL_BATCH
    beside = max(t.seconds - t.stepping for t in tried[-3:])
    steps = int((left / (2 + MEMBERS) - beside) / (max(pace, 1e-9) * recipe.batch)) // 10 * 10
    if steps >= recipe.steps:
        return recipe
    before = [t.recipe.steps * t.recipe.batch for t in tried if t.start is start]
    least = 2 * max(before, default=RECIPES[0].steps * RECIPES[0].batch)
    return replace(recipe, name=f"{steps:,} steps", steps=steps) if steps * recipe.batch >= least else None


def _card(
    configurations: Sequence[Configuration],
    start: Start,
    recipe: Recipe,
    backend: str,
    seed: int,
    tried: Sequence[HeldOut],
) -> dict[str, object]:
    held_out = tried[0] if tried else None
    return {
        "schema": 1,
        "start": start.name,
        "recipe": {"name": recipe.name, "steps": recipe.steps, "batch": recipe.batch},
        "backend": backend,
        "seed": seed,
        "n_support": len(configurations),
        "charges": sorted({c.total_charge for c in configurations}),
        "held_out": held_out
        and {
            "energy_rmse": held_out.energy_rmse(configurations),
            "within_rmse": held_out.within_rmse(configurations),
            "force_rmse": held_out.force_rmse(configurations),
            "units": "kcal/mol, kcal/mol/Å",
        },
        "rms_force_of_labels": float(
            np.sqrt(np.mean(np.concatenate([np.ravel(c.label[1]) for c in configurations]) ** 2))
            * EV_TO_KCAL_MOL
        ),
        "code_version": code_version(),
        "hardware": hardware(),
    }
