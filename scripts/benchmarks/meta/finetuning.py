"""Adapting to K = 50 labels: ours, and mace-torch's own command on the same data, epochs and batches."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import ase.io
from ase import Atoms

import mfbench
from mfbench.learned.checkpoint import embedded_checkpoint

K, EPOCHS, BATCH, RATE = 50, 6, 10, 1e-3

OURS = """
import json, sys, time
import torch, mfbench
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget
from mfbench.protocol.loading import load_method
torch.set_num_threads(1)
split = mfbench.load_split("cath-mini")
task = split.test[0]
options = {"optimizer": "adam", "rate": %r}
method = load_method("pretrain", MethodContext(split, options=options), backend="torch")
support = [task.support[i] for i in task.draws[0, :%d]]
began = time.process_time()
adapted = method.adapt(support, budget=Budget(steps=%d, batch=%d), seed=0)
print(json.dumps({"steps": time.process_time() - began, "whole": time.process_time()}))
"""
THEIRS = """
import json, sys, time
import torch, mace.tools
from mace.cli import run_train
torch.set_num_threads(1)
train, spent = mace.tools.train, []
def timed(*arguments, **options):
    began = time.process_time()
    train(*arguments, **options)
    spent.append(time.process_time() - began)
mace.tools.train = timed
run_train.main()
print(json.dumps({"steps": sum(spent), "whole": time.process_time()}))
"""


def adaptation_seconds(rounds: int) -> dict[str, dict[str, list[float]]]:
    """CPU seconds of adapting (our ``adapt``, mace's training loop) and of the process, by round."""
    found: dict[str, dict[str, list[float]]] = {n: {"steps": [], "whole": []} for n in ("ours", "mace")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        for _ in range(rounds):
            steps = EPOCHS * K // BATCH
            for kind, command in (
                ("ours", [OURS % (RATE, K, steps, BATCH)]),
                ("mace", [THEIRS, *_arguments(folder)]),
            ):
                spent = _run(command, folder)
                for part, value in spent.items():
                    found[kind][part].append(value)
    return found


def _write(folder: Path) -> None:
    task = mfbench.load_split("cath-mini").test[0]
    images = []
    for configuration in (task.support[i] for i in task.draws[0, :K]):
        image = Atoms(numbers=configuration.atomic_numbers, positions=configuration.positions)
        image.info["REF_energy"] = configuration.energy
        image.arrays["REF_forces"] = configuration.forces
        images.append(image)
    ase.io.write(folder / "train.xyz", images)
    ase.io.write(folder / "valid.xyz", images[:1])
    source = embedded_checkpoint("cath-mini", "mace", "pretrain")
    convert = [sys.executable, "-m", "mfbench", "convert", str(source), str(folder / "start.model")]
    subprocess.run(convert, check=True, capture_output=True)


def _arguments(folder: Path) -> list[str]:
    options = {
        "name": "bench",
        "foundation_model": folder / "start.model",
        "train_file": folder / "train.xyz",
        "valid_file": folder / "valid.xyz",
        "E0s": "foundation",
        "energy_key": "REF_energy",
        "forces_key": "REF_forces",
        "batch_size": BATCH,
        "max_num_epochs": EPOCHS,
        "eval_interval": 1000,
        "lr": RATE,
        "default_dtype": "float32",
        "multiheads_finetuning": False,
        "device": "cpu",
        "work_dir": folder / "run",
    }
    return [f"--{name}={value}" for name, value in options.items()]


def _run(command: list[str], folder: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", *command], capture_output=True, text=True, cwd=folder
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    for checkpoint in (folder / "run").rglob("*.pt"):
        checkpoint.unlink()  # or the next round would find it and train nothing
    return json.loads(done.stdout.splitlines()[-1])
