"""One phase of training: Adam with cosine decay, journalled, so that it can be stopped and resumed.

A run folder holds, per phase, ``PHASE.state.safetensors`` (parameters, optimiser, steps done, first losses,
validation curve), written at least once a minute, and ``PHASE.json`` with what of it is text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mfbench.errors import TrainingError
from mfbench.learned.training.phase_state import load_state, save_state
from mfbench.learned.training.phases import Phase, PhaseResult
from mfbench_jax.compiled import Compiled
from mfbench_jax.meta.steps import JointStep

__all__ = ["run_phase"]

Params = dict[str, jax.Array]
SAVE_SECONDS = 60.0
FIRST_LOSSES = 20


def run_phase(
    phase: Phase,
    params: Params,
    folder: Path,
    *,
    stop_after: int | None = None,
    tick: Callable[[int, float], None] = lambda step, loss: None,
) -> PhaseResult:
    """Optimise with Adam; resumes from ``folder`` when it holds a state of this phase.

    Args:
        phase: what to do.
        params: where to start.
        folder: run folder.
        stop_after: stop early, after so many steps (the schedule stays that of the whole phase).
        tick: called after every step, for a progress bar.

    Raises:
        TrainingError: the loss is not finite; the last saved state is kept.
    """
    schedule = optax.cosine_decay_schedule(
        phase.rate, max(phase.steps, 1), alpha=phase.final_rate / phase.rate if phase.rate else 0.0
    )
    optimizer = optax.chain(optax.clip_by_global_norm(phase.clip), optax.adam(schedule))
    advance = _advance(phase, optimizer)
    params = {name: jnp.array(value) for name, value in params.items()}
    state = optimizer.init(params)
    record: dict[str, Any] = {"name": phase.name, "steps": phase.steps, "losses": [], "validation": []}
    start, seconds = 0, 0.0
    recent: list[float] = []
    if (found := load_state(folder, phase.name)) is not None:
        saved, record = found
        leaves, tree = jax.tree.flatten((params, state))
        restored = [jnp.asarray(saved[str(i)], leaf.dtype) for i, leaf in enumerate(leaves)]
        params, state = jax.tree.unflatten(tree, restored)
        start, seconds = record["done"], record["seconds"]
        recent = record.pop("recent", [])

    folder.mkdir(parents=True, exist_ok=True)
    end = min(phase.steps, stop_after or phase.steps)
    every = max(phase.steps // phase.validations, 1)
    began = saved_at = time.monotonic()
    for step in range(start, end):
        loss, params, state = advance(params, state, step)
        recent.append(float(loss))
        if not math.isfinite(recent[-1]):
            raise TrainingError(
                f"the loss of {phase.name} is not finite at step {step + 1}: lower its rate or inner_rate"
            )
        if step < FIRST_LOSSES:
            record["losses"].append(recent[-1])
        tick(step, recent[-1])
        last = step + 1 == phase.steps
        if (step + 1) % every == 0 or last:
            errors = phase.validate(params)
            mean = float(np.mean(recent))
            record["validation"].append({"step": step + 1, "train_loss": mean, **errors})
            recent = []
        late = time.monotonic() - began > phase.seconds
        if last or late or step + 1 == end or time.monotonic() - saved_at > SAVE_SECONDS:
            saved_at = time.monotonic()
            record |= {"done": step + 1, "seconds": seconds + saved_at - began}
            _save(folder, phase.name, (params, state), record | {"recent": recent})
        if late:
            break
    record["gradients"] = phase.gradients_after(record.get("done", start))
    return PhaseResult(params, _second_moments(state), record)


def _advance(phase: Phase, optimizer: Any) -> Callable[[Params, Any, int], tuple[Any, Params, Any]]:
    """(params, optimiser state, step) → loss and the next two, of which the old ones are used up.

    The optimiser is one program, together with the gradient where that is one program too.
    """

    def update(params: Params, state: Any, gradient: Params) -> tuple[Params, Any]:
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    joint = phase.gradient
    if not isinstance(joint, JointStep):
        run = jax.jit(update, donate_argnums=(0, 1))

        def apart(params: Params, state: Any, step: int) -> tuple[Any, Params, Any]:
            loss, gradient = phase.gradient(params, step)
            return loss, *run(params, state, gradient)

        return apart

    def both(params: Params, state: Any, batch: Any) -> tuple[Any, Params, Any]:
        loss, gradient = joint.function(params, batch)
        return loss, *update(params, state, gradient)

    fused = Compiled(both, donate_argnums=(0, 1))
    return lambda params, state, step: fused(params, state, joint.data(step))


def _save(folder: Path, name: str, tree: Any, record: dict[str, Any]) -> None:
    arrays = {str(i): np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(tree))}
    save_state(folder, name, arrays, record)


def _second_moments(state: Any) -> Params:
    return optax.tree.get(state, "nu")
