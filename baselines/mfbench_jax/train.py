"""``mfbench train``: from a split to a checkpoint with its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mfbench.baseline import EnergyBaseline, fit_baseline
from mfbench.cost import code_version, hardware
from mfbench.split import Split, Task
from mfbench_jax.adaptation import AdaptSettings
from mfbench_jax.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mfbench_jax.meta.steps import joint_gradient, meta_gradient
from mfbench_jax.models.graphs import GraphTable
from mfbench_jax.models.mace import MaceConfig, init
from mfbench_jax.settings import TrainSettings, gradients_per_step, settings_from
from mfbench_jax.training import Phase, PhaseResult, run_phase
from mfbench_jax.validation import validator

__all__ = ["config_for", "train", "train_by_name", "withheld_families"]

Params = dict[str, jax.Array]
Tick = Callable[[str, int, int, float], None]
_FINAL = 0.02
"""The cosine decay ends at this share of the peak rate."""


def config_for(split: Split) -> MaceConfig:
    """The nano MACE for a split: its elements, and its mean number of neighbours in meta-train."""
    elements = sorted({int(z) for task in split.tasks for c in task.support for z in c.atomic_numbers})
    config = MaceConfig(elements=tuple(elements))
    table = GraphTable(split.train_configurations[::7], config)
    return replace(config, avg_num_neighbors=round(float(2 * table.n_pairs.sum() / table.n_atoms.sum()), 3))


def withheld_families(tasks: Sequence[Task], count: int, seed: int) -> list[Task]:
    """Meta-train families that the joint phase does not see."""
    chosen = np.random.default_rng([seed, 4]).permutation(len(tasks))[:count]
    return [tasks[i] for i in sorted(chosen)]


def train(
    split: Split,
    settings: TrainSettings,
    folder: Path,
    *,
    initial: Checkpoint | None = None,
    stop_after: int | None = None,
    tick: Tick = lambda phase, step, steps, loss: None,
) -> Checkpoint:
    """Run both phases (the first is skipped when ``initial`` holds it) and write the checkpoint.

    Args:
        split: its meta-train families are trained on, its validation families give the curve.
        settings: of the run.
        folder: run folder; a run that was interrupted goes on from it.
        initial: checkpoint of the joint phase, to share it between methods.
        stop_after: end every phase after so many steps (to reproduce the first losses).
        tick: (phase, step, steps, loss) after every step.
    """
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    if initial is None:
        initial = _joint(split, settings, folder, baseline, stop_after, tick)
    if settings.method == "joint":
        checkpoint = initial
    else:
        result = _own_phase(split, settings, folder, baseline, initial, stop_after, tick)
        phases = [*initial.card["phases"], result.record]
        checkpoint = replace(initial, params=result.params, card=_card(split, settings, phases))
    save_checkpoint(folder / f"mace-{settings.method}.safetensors", checkpoint)
    return checkpoint


def train_by_name(
    split: Split,
    method: str,
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
    settings = settings_from(method, seed, options)
    initial = load_checkpoint(init) if init else None
    return train(split, settings, folder, initial=initial, stop_after=stop_after, tick=tick)


def _joint(
    split: Split,
    settings: TrainSettings,
    folder: Path,
    baseline: EnergyBaseline,
    stop_after: int | None,
    tick: Tick,
) -> Checkpoint:
    config = config_for(split)
    withheld = withheld_families(split.train, settings.withheld, settings.seed)
    tasks = [task for task in split.train if task not in withheld]
    phase = Phase(
        name="joint",
        steps=settings.joint_gradients // settings.joint_batch,
        rate=settings.joint_rate,
        final_rate=settings.joint_rate * settings.joint_final,
        clip=settings.clip,
        gradient=joint_gradient(tasks, config, baseline, settings),
        validate=validator(split.validation, config, baseline, {}, None),
        gradients_per_step=settings.joint_batch,
    )
    result = run_phase(
        phase, init(config, settings.seed), folder, stop_after=stop_after, tick=_named(tick, phase)
    )
    record = {**result.record, "families": [task.family_id for task in tasks]}
    precondition = _precondition(result)
    return Checkpoint(config, result.params, precondition, _card(split, settings, [record]))


def _own_phase(
    split: Split,
    settings: TrainSettings,
    folder: Path,
    baseline: EnergyBaseline,
    initial: Checkpoint,
    stop_after: int | None,
    tick: Tick,
) -> PhaseResult:
    config, precondition = initial.config, initial.precondition
    spent = sum(phase["gradients"] for phase in initial.card["phases"])
    per_step = gradients_per_step(settings)
    inner = AdaptSettings("sgd", settings.inner_rate, settings.energy_weight, settings.force_weight)
    joint = settings.method == "pretrain"
    phase = Phase(
        name=settings.method,
        steps=max(settings.gradients - spent, 0) // per_step,
        rate=settings.rate,
        final_rate=settings.rate * _FINAL,
        clip=settings.clip,
        gradient=joint_gradient(split.train, config, baseline, settings)
        if joint
        else meta_gradient(split.train, config, baseline, settings, precondition),
        validate=validator(split.validation, config, baseline, precondition, None if joint else inner),
        gradients_per_step=per_step,
    )
    return run_phase(phase, initial.params, folder, stop_after=stop_after, tick=_named(tick, phase))


def _named(tick: Tick, phase: Phase) -> Callable[[int, float], None]:
    return lambda step, loss: tick(phase.name, step, phase.steps, loss)


def _precondition(result: PhaseResult) -> Params:
    """1 / (√v + ε): what Adam divides by at the end of the joint phase; ε = a tenth of the mean √v."""
    roots = {name: np.sqrt(np.asarray(v, np.float64)) for name, v in result.second_moments.items()}
    floor = 0.1 * np.mean(np.concatenate([r.ravel() for r in roots.values()]))
    return {name: jnp.asarray(1.0 / (r + floor), jnp.float32) for name, r in roots.items()}


def _card(split: Split, settings: TrainSettings, phases: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schema": 1,
        "split": split.name,
        "data_hash": split.manifest.data_hash,
        "level_of_theory": split.manifest.level_of_theory,
        "code_version": code_version(),
        "settings": asdict(settings),
        "gradients": sum(phase["gradients"] for phase in phases),
        "hardware": hardware(),
        "phases": phases,
    }
