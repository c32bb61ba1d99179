"""From a split to a checkpoint with its card, on the engine of any backend."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.split import Split, load_split
from mfbench.errors import CheckpointError
from mfbench.learned.adaptation.inner_rates import initial_rates, learned_rates, separated
from mfbench.learned.adaptation.moving_weights import moving_arrays
from mfbench.learned.adaptation.per_group import GROUPED, group_names, per_group_end, per_group_start
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.registry import arch_of
from mfbench.learned.base_level import BaseLevel, differences
from mfbench.learned.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mfbench.learned.engine import Engine
from mfbench.learned.methods.validation import validator
from mfbench.learned.training.annealing import gradients_after, steps_within
from mfbench.learned.training.phase_state import STATE
from mfbench.learned.training.phases import Phase, PhaseResult
from mfbench.learned.training.prepare import (
    config_for,
    displacement,
    inner_scales,
    training_card,
    withheld_families,
)
from mfbench.learned.training.settings import JOINTLY, TrainSettings, as_requested, settings_from
from mfbench.learned.training.train_families import meta_train_of
from mfbench.protocol.energy_baseline import EnergyBaseline, split_baseline
from mfbench.work.journal import open_journal

__all__ = ["Tick", "train", "train_by_name"]

Tick = Callable[[str, int, int, float], None]
_FINAL = 0.02
"""The cosine decay ends at this share of the peak rate."""


def train(
    engine: Engine,
    split: Split,
    settings: TrainSettings,
    folder: Path,
    *,
    initial: Checkpoint | None = None,
    stop_after: int | None = None,
    seconds: float = float("inf"),
    tick: Tick = lambda phase, step, steps, loss: None,
) -> Checkpoint:
    """Run both phases (the first is skipped when ``initial`` holds it) and write the checkpoint.

    Args:
        engine: of a backend.
        split: its meta-train families are trained on, its validation families give the curve.
        settings: of the run.
        folder: run folder; a run that was interrupted goes on from it.
        initial: checkpoint of the joint phase, to share it between methods.
        stop_after: end every phase after so many steps (to reproduce the first losses).
        seconds: end every phase once it has run so long in this call; the next call goes on.
        tick: (phase, step, steps, loss) after every step.

    Raises:
        CheckpointError: ``initial`` is of another architecture, or of another base level.
        WorkError: the folder holds a run of other settings, data or weights, or another process is at
            work in it.
    """
    loaded: dict[str, Split] = {}
    split = meta_train_of(split, settings, lambda name: loaded.setdefault(name, load_split(name)))
    request = {
        "backend": engine.backend,
        "settings": as_requested(settings),
        "data": {s.name: s.manifest.data_hash for s in (split, *loaded.values())},
        "initial": _digest(initial) if initial else None,
    }
    if settings.base:
        split = differences(split, BaseLevel(settings.base, split))
    # Runs that began before requests were written go on.
    with open_journal(folder, request, resume=True, suffix=STATE, adopt=True):
        return _train(engine, split, settings, folder, initial, stop_after, seconds, tick)


def _train(
    engine: Engine,
    split: Split,
    settings: TrainSettings,
    folder: Path,
    initial: Checkpoint | None,
    stop_after: int | None,
    seconds: float,
    tick: Tick,
) -> Checkpoint:
    baseline = split_baseline(split)
    if initial is None:
        initial = _joint(engine, split, settings, folder, baseline, stop_after, seconds, tick)
    elif arch_of(initial.config) != settings.arch:
        found = arch_of(initial.config)
        raise CheckpointError(
            f"the joint phase is of a {found}, not of a {settings.arch}: set --arch {found}"
        )
    elif (base := initial.card.get("settings", {}).get("base", "")) != settings.base:
        raise CheckpointError(
            f"the joint phase has base '{base}', this run '{settings.base}': train a joint phase with "
            f"--option base={settings.base}"
        )
    if settings.method == "joint":
        checkpoint = initial
    else:
        result = _own_phase(engine, split, settings, folder, baseline, initial, stop_after, seconds, tick)
        weights, logarithms = separated(result.params)
        weights, each = per_group_end(weights)
        moved = displacement(initial.params, weights)
        phases = [*initial.card["phases"], {**result.record, "displacement": moved}]
        rates = learned_rates(logarithms, settings.rates_rate)
        card = training_card(split, settings, phases, baseline)
        if settings.method in GROUPED:
            card["groups"] = group_names(split.train)
        checkpoint = replace(initial, params=weights, card=card, rates=rates, each=each)
    save_checkpoint(folder / f"{settings.arch}-{settings.method}.safetensors", checkpoint)
    return checkpoint


def train_by_name(
    engine: Engine,
    split: Split,
    method: str,
    arch: str,
    seed: int,
    options: dict[str, Any],
    folder: Path,
    *,
    init: Path | None,
    stop_after: int | None,
    tick: Tick,
) -> Checkpoint:
    """``train`` as the command line asks for it: settings by name, the joint phase by its path.

    Raises:
        UnknownNameError: the method or an option does not exist.
        CheckpointError: ``init`` is missing or damaged.
    """
    settings = settings_from(method, arch, seed, options)
    initial = load_checkpoint(init) if init else None
    folder, leads = engine.own_folder(folder)
    return train(
        engine,
        split,
        settings,
        folder,
        initial=initial,
        stop_after=stop_after,
        tick=tick if leads else lambda *_: None,
    )


def _joint(
    engine: Engine,
    split: Split,
    settings: TrainSettings,
    folder: Path,
    baseline: EnergyBaseline,
    stop_after: int | None,
    seconds: float,
    tick: Tick,
) -> Checkpoint:
    config = config_for(split, settings.arch, **settings.model)
    withheld = withheld_families(split.train, settings.withheld, settings.seed)
    tasks = [task for task in split.train if task not in withheld]
    phase = Phase(
        name="joint",
        steps=settings.joint_gradients // settings.joint_batch,
        rate=settings.joint_rate,
        final_rate=settings.joint_rate * settings.joint_final,
        clip=settings.clip,
        gradient=engine.joint_gradient(tasks, config, baseline, replace(settings, method="joint")),
        validate=validator(engine, split.validation, config, baseline, {}, None),
        gradients_after=lambda done: done * settings.joint_batch,
        seconds=seconds,
    )
    start = engine.init(config, settings.seed)
    result = engine.run_phase(phase, start, folder, stop_after=stop_after, tick=_named(tick, phase))
    moved = displacement(engine.init(config, settings.seed), result.params)
    record = {**result.record, "displacement": moved, "families": [task.family_id for task in tasks]}
    scales = inner_scales(result.second_moments)
    card = training_card(split, settings, [record], baseline)
    return Checkpoint(config, result.params, scales, card)


def _own_phase(
    engine: Engine,
    split: Split,
    settings: TrainSettings,
    folder: Path,
    baseline: EnergyBaseline,
    initial: Checkpoint,
    stop_after: int | None,
    seconds: float,
    tick: Tick,
) -> PhaseResult:
    config, precondition = initial.config, engine.arrays(initial.precondition)
    spent = sum(phase["gradients"] for phase in initial.card["phases"])
    steps = steps_within(settings, settings.gradients - spent)
    weights = settings.energy_weight, settings.force_weight
    inner = AdaptSettings(
        "sgd", settings.inner_rate, *weights, settings.adapt, loss=settings.loss, bound=settings.inner_bound
    )
    joint = settings.method in JOINTLY
    moved = {} if joint else moving_arrays(precondition, settings.adapt)
    params = engine.arrays(initial.params)
    if settings.method in GROUPED:
        params = engine.arrays(per_group_start(initial.params, len(group_names(split.train)), settings))
    if settings.method == "maml++" and settings.learn_rates:
        params |= engine.arrays(initial_rates(moved, settings.inner_steps))
    phase = Phase(
        name=settings.method,
        steps=steps,
        rate=settings.rate,
        final_rate=settings.rate * _FINAL,
        clip=settings.clip,
        gradient=engine.joint_gradient(split.train, config, baseline, settings)
        if joint
        else engine.meta_gradient(split.train, config, baseline, settings, moved, steps),
        validate=validator(
            engine,
            split.validation,
            config,
            baseline,
            precondition,
            None if joint else inner,
            settings.rates_rate,
        ),
        gradients_after=gradients_after(settings, steps),
        seconds=seconds,
    )
    return engine.run_phase(phase, params, folder, stop_after=stop_after, tick=_named(tick, phase))


def _digest(checkpoint: Checkpoint) -> str:
    """SHA-256 of everything that a checkpoint brings to a run."""
    found = hashlib.sha256(json.dumps(checkpoint.card, sort_keys=True, default=str).encode())
    for group in checkpoint.groups_of_arrays.values():
        for name in sorted(group):
            found.update(name.encode() + np.ascontiguousarray(group[name]).tobytes())
    return found.hexdigest()


def _named(tick: Tick, phase: Phase) -> Callable[[int, float], None]:
    return lambda step, loss: tick(phase.name, step, phase.steps, loss)
