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

import numpy as np
import torch

from mfbench.errors import TrainingError
from mfbench.learned.training.phase_state import load_state, save_state
from mfbench.learned.training.phases import Phase, PhaseResult
from mfbench_torch.adam import AdamState, adam_direction, adam_start, clipped
from mfbench_torch.device import on_device
from mfbench_torch.processes import from_first

__all__ = ["run_phase"]

Params = dict[str, torch.Tensor]
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
        TrainingError: the loss is not finite (the last saved state is kept), or the folder holds a
            state of another backend.
    """
    params = on_device({name: torch.as_tensor(value) for name, value in params.items()})
    state = adam_start(params)
    record: dict[str, Any] = {"name": phase.name, "steps": phase.steps, "losses": [], "validation": []}
    start, seconds = 0, 0.0
    recent: list[float] = []
    if (found := load_state(folder, phase.name)) is not None:
        saved, record = found
        start, seconds = record["done"], record["seconds"]
        recent = record.pop("recent", [])
        params, state = _restore(folder, saved, params, start)
    start, params, state = from_first((start, params, state))

    folder.mkdir(parents=True, exist_ok=True)
    end = min(phase.steps, stop_after or phase.steps)
    every = max(phase.steps // phase.validations, 1)
    began = saved_at = time.monotonic()
    for step in range(start, end):
        loss, gradient = phase.gradient(params, step)
        direction, state = adam_direction(clipped(gradient, phase.clip), state)
        rate = _rate(phase, step)
        params = {name: value - rate * direction[name] for name, value in params.items()}
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
            _save(folder, phase.name, params, state, record | {"recent": recent})
        if late:
            break
    record["gradients"] = phase.gradients_after(record.get("done", start))
    squares = {name: v.cpu().numpy() for name, v in state.square.items()}
    return PhaseResult({name: v.cpu() for name, v in params.items()}, squares, record)


def _rate(phase: Phase, step: int) -> float:
    """Cosine decay from ``rate`` to ``final_rate`` over the whole phase."""
    share = 0.5 * (1.0 + math.cos(math.pi * min(step / max(phase.steps, 1), 1.0)))
    return phase.final_rate + (phase.rate - phase.final_rate) * share


def _save(folder: Path, name: str, params: Params, state: AdamState, record: dict[str, Any]) -> None:
    groups = {"params": params, "mean": state.mean, "square": state.square}
    arrays = {f"{group}/{k}": v.cpu().numpy() for group, tree in groups.items() for k, v in tree.items()}
    save_state(folder, name, arrays, record)


def _restore(
    folder: Path, saved: dict[str, np.ndarray], params: Params, done: int
) -> tuple[Params, AdamState]:
    groups = ("params", "mean", "square")
    try:
        found = [{k: torch.from_numpy(saved[f"{group}/{k}"]) for k in params} for group in groups]
    except KeyError:
        raise TrainingError(
            f"{folder} holds no state of PyTorch: continue with the backend that wrote it"
        ) from None
    params, mean, square = map(on_device, found)
    return params, AdamState(done, mean, square)
