"""A long joint phase and the meta-phases after it, in pieces: every call goes on for some minutes.

    python scripts/train_long.py --plan scripts/train_long.yaml --out runs/long --minutes 9

Runs of the plan take their turn: those that have gone least far first, in the order of the plan; a method
waits for the joint phase that it starts from. When a call's time is over, all is saved, and the next
call with the same arguments goes on. ``--dry-run`` trains a few steps of everything with tiny networks, by
the same code, to see that a plan works before a machine is paid for.

Exit code 0: all done; 3: time was over.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import mfbench
from mfbench.data.strict_yaml import read_yaml
from mfbench.learned.checkpoint import load_checkpoint
from mfbench.learned.train import train
from mfbench.learned.training.settings import TrainSettings, settings_from

TINY = {
    "joint_gradients": 12, "joint_batch": 4, "tasks": 1, "k": 4, "inner_steps": 1,
    "inner_batch": 4, "query": 4, "families": 4, "withheld": 1, "size_classes": 1, "model.channels": 2,
}  # fmt: skip
TINY_STEPS, TINY_GRADIENTS = 3, 400
RESERVE_SECONDS = 20.0
"""Kept back of a call for writing checkpoints."""


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        name: of its folder.
        split, method, arch, seed: as for ``mfbench train``.
        init: what it starts from: name of a run, or a checkpoint (.safetensors); empty: random weights.
        options: settings that differ from the defaults.
    """

    name: str
    split: str
    method: str
    arch: str = "mace"
    seed: int = 0
    init: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def checkpoint(self, out: Path) -> Path:
        """Where the run writes it."""
        return out / self.name / f"{self.arch}-{self.method}.safetensors"

    @property
    def waits_for(self) -> str:
        """Name of the run that it starts from; empty where it need not wait."""
        return "" if self.init.endswith(".safetensors") else self.init

    def progress(self, out: Path) -> float:
        """Share of the run's own phase that is done."""
        record = out / self.name / f"{self.method}.json"
        if not record.is_file():
            return 0.0
        found = json.loads(record.read_text())
        return found["done"] / found["steps"]

    def settings(self, options: dict[str, Any]) -> TrainSettings:
        """Of its training, with these options."""
        return settings_from(self.method, self.arch, self.seed, options)

    def finished(self, out: Path) -> bool:
        """Whether nothing is left to do."""
        return self.progress(out) >= 1.0 and self.checkpoint(out).is_file()


def plan_from(path: Path) -> list[Run]:
    """The runs of a plan file: a list of mappings with the fields of ``Run``.

    Raises:
        UnknownNameError: an option of a run does not exist.
    """
    runs = [Run(**entry) for entry in read_yaml(path)]
    names = {run.name for run in runs}
    if unknown := sorted({run.waits_for for run in runs if run.waits_for} - names):
        raise SystemExit(f"{path}: no run is called {', '.join(unknown)}")
    for run in runs:
        if run.init and not run.waits_for and not Path(run.init).is_file():
            raise SystemExit(f"{path}: {run.name} starts from {run.init}, which is not there")
        run.settings(run.options)
    return runs


def next_run(runs: list[Run], out: Path) -> Run | None:
    """The run that may go on and has gone least far; None when all are finished."""
    done = {run.name for run in runs if run.finished(out)}
    ready = [r for r in runs if r.name not in done and (not r.waits_for or r.waits_for in done)]
    return min(ready, key=lambda run: run.progress(out), default=None)


def go_on(run: Run, runs: list[Run], out: Path, backend: str, seconds: float, dry: bool) -> None:
    """Train one run for some seconds more."""
    engine = import_module(f"mfbench_{backend}.engine").ENGINE
    start = next((other.checkpoint(out) for other in runs if other.name == run.waits_for), Path(run.init))
    initial = load_checkpoint(start) if run.init else None
    spent = sum(phase["gradients"] for phase in initial.card["phases"]) if initial else 0
    tiny = {**TINY, "gradients": spent + TINY_GRADIENTS}
    settings = run.settings({**run.options, **tiny} if dry else run.options)
    train(
        engine,
        mfbench.load_split(run.split),
        settings,
        out / run.name,
        initial=initial,
        seconds=seconds,
        stop_after=TINY_STEPS if dry else None,
    )


def main() -> int:
    """Go on with the plan until the time is over or nothing is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument(
        "--turn", type=float, default=3.0, help="minutes before the next run takes its turn"
    )
    parser.add_argument("--backend", choices=("jax", "torch"), default="jax")
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    runs, out, dry = plan_from(arguments.plan), arguments.out, arguments.dry_run
    end = time.monotonic() + 60.0 * arguments.minutes - RESERVE_SECONDS
    if dry:
        for run in runs:
            go_on(run, runs, out, arguments.backend, float("inf"), dry)
            print(f"dry run of {run.name}: {run.checkpoint(out)}", flush=True)
        return 0
    while (run := next_run(runs, out)) and (left := end - time.monotonic()) > 0:
        go_on(run, runs, out, arguments.backend, min(left, 60.0 * arguments.turn), dry)
        print(f"{run.name}: {100 * run.progress(out):.1f} % done", flush=True)
    return 0 if run is None else 3


if __name__ == "__main__":
    raise SystemExit(main())
