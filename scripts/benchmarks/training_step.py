"""One joint step and one outer step of either backend, ready to be timed; run as a program, it times them.

    python scripts/benchmarks/training_step.py '{"backend": "jax", "channels": 8, ...}'

It is run in a process of its own, so that an earlier version of this project can be timed by the same
program: nothing is imported here that an earlier version did not have, or its former name is tried too.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import mfbench

SHAPE = {"tasks": 2, "k": 8, "inner_steps": 2, "inner_batch": 4, "query": 8}
"""Of an outer step."""
WARM = 3
"""Steps in which everything is compiled."""


def modules() -> dict[str, Any]:
    """What training is made of, by today's or by former names."""
    now = (
        ("mfbench.learned.training.phases", "Phase"),
        ("mfbench.learned.training.prepare", "config_for"),
        ("mfbench.learned.training.settings", "TrainSettings"),
        ("mfbench.learned.training.settings", "gradients_per_step"),
        ("mfbench.protocol.energy_baseline", "fit_baseline"),
    )
    former = ("phases", "plan", "settings", "settings", None)
    try:
        return {name: getattr(import_module(module), name) for module, name in now}
    except ModuleNotFoundError:
        places = (f"mfbench.learned.{part}" if part else "mfbench.baseline" for part in former)
        return {name: getattr(import_module(m), name) for m, (_, name) in zip(places, now, strict=True)}


def settings_for(method: str, batch: int) -> tuple[Any, int]:
    """The settings of a step, squared loss in every version, and its configuration-gradients."""
    found = modules()
    options: dict[str, Any] = {"joint_batch": batch, "size_classes": 1, **SHAPE}
    if "loss" in found["TrainSettings"].__dataclass_fields__:
        options |= {"loss": "squared", "energy_weight": 1.0}
    settings = found["TrainSettings"](method, **options)
    return settings, found["gradients_per_step"](settings)


def train(tick: Callable[[int, float], None], backend: str, channels: int, kind: str, batch: int) -> None:
    """Train for ever; ``tick`` is called after every step."""
    found, split = modules(), mfbench.load_split("cath-mini")
    baseline = found["fit_baseline"](split.train_configurations, split.isolated_atom_energies)
    config = found["config_for"](split, "mace", channels=channels)
    settings, gradients = settings_for(kind, batch)
    steps = import_module(f"mfbench_{backend}.meta.steps")
    init = import_module(f"mfbench_{backend}.models.architecture").init
    params = {name: 0.5 * value for name, value in init(config, 0).items()}
    arguments = split.train, config, baseline, settings
    ones = {name: value * 0 + 1e-3 for name, value in params.items()}
    phase = found["Phase"](
        name=kind,
        steps=10**7,
        rate=1e-4,
        final_rate=1e-5,
        clip=10.0,
        gradient=steps.joint_gradient(*arguments)
        if kind == "joint"
        else steps.meta_gradient(*arguments, ones, 10**7),
        validate=lambda params: {},
        gradients_after=lambda done: done * gradients,
    )
    run = import_module(f"mfbench_{backend}.training").run_phase
    with tempfile.TemporaryDirectory() as folder:
        run(phase, params, Path(folder), tick=tick)


def main() -> None:
    """CPU seconds per configuration-gradient, of some steps for every line that comes in."""
    wanted = json.loads(sys.argv[1])
    steps = wanted.pop("steps")
    per_round = steps * settings_for(wanted["kind"], wanted["batch"])[1]
    began = 0.0

    def tick(step: int, loss: float) -> None:
        nonlocal began
        if step < WARM or (step - WARM) % steps:
            return
        if step > WARM:
            print(json.dumps((time.process_time() - began) / per_round), flush=True)
        if not sys.stdin.readline():
            os._exit(0)  # whatever runs, nothing is left to do
        began = time.process_time()

    train(tick, **wanted)


if __name__ == "__main__":
    main()
