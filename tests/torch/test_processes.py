"""Meta-training on two processes (PyTorch) and on two devices (JAX): the gradient of one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

SETTINGS = """
import sys
from pathlib import Path
import numpy as np
import mfbench
from mfbench.protocol.energy_baseline import fit_baseline
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.training.settings import TrainSettings
split = mfbench.load_split(sys.argv[1])
baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
settings = TrainSettings("METHOD", tasks=TASKS, k=4, inner_steps=1, inner_batch=4, query=4, inner_rate=0.1,
                         gradients=10**6)
weights = initial_weights(config, 0)
scales = {k: np.ones_like(v) for k, v in weights.items()}
folder = Path(sys.argv[2])
"""
TORCH = """
import torch
from mfbench.learned.checkpoint import Checkpoint
from mfbench_torch.checkpoint import tensors
from mfbench_torch.meta.steps import meta_gradient
from mfbench_torch.processes import folder_of_process, join, rank
from mfbench_torch.train import train
join()
doubles = [tensors(x, torch.float64) for x in (weights, scales)]
step = meta_gradient(split.train, config, baseline, settings, doubles[1], dtype=torch.float64)
value, gradient = step(doubles[0], 0)
start = Checkpoint(config, tensors(weights), tensors(scales), {"phases": []})
for stop in (1, 2):  # stopped and resumed
    trained = train(split, settings, folder_of_process(folder), initial=start, stop_after=stop)
made = gradient | {"loss": value} | {f"trained/{k}": v for k, v in trained.params.items()}
np.savez(folder / f"of-{rank()}.npz", **{k: v.numpy() for k, v in made.items()})
"""
JAX = """
import jax
jax.config.update("jax_enable_x64", True)
from mfbench_jax.meta.steps import meta_gradient
assert len(jax.devices()) == 2
doubles = [{k: v.astype(np.float64) for k, v in x.items()} for x in (weights, scales)]
found = []
for devices in (jax.devices()[:1], None):
    step = meta_gradient(split.train, config, baseline, settings, doubles[1], devices=devices)
    found.append(step(doubles[0], 0))
np.savez(folder / "one.npz", loss=found[0][0], **found[0][1])
np.savez(folder / "two.npz", loss=found[1][0], **found[1][1])
"""


def start(script, method, tasks, split_folder, folder, **variables):
    """A Python process."""
    code = SETTINGS.replace("TASKS", str(tasks)).replace("METHOD", method) + script
    arguments = [sys.executable, "-c", code, str(split_folder), str(folder)]
    return subprocess.Popen(arguments, env=os.environ | variables, stderr=subprocess.PIPE, text=True)


def finish(process):
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def same(a, b, tolerance):
    assert set(a) == set(b)
    for name in a:
        scale = np.abs(b[name]).max() + 1e-12
        np.testing.assert_allclose(a[name], b[name], rtol=0, atol=tolerance * scale, err_msg=name)


def test_two_processes_take_the_steps_of_one(split_folder, tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    # Three tasks do not share out evenly, and that must not matter.
    finish(start(TORCH, "maml", 3, split_folder, alone))
    pair = [start(TORCH, "maml", 3, split_folder, together, RANK=str(k), **group) for k in range(2)]
    for process in pair:
        finish(process)
    one = np.load(alone / "of-0.npz")
    parts = [np.load(together / f"of-{k}.npz") for k in range(2)]
    exact = [k for k in one if not k.startswith("trained/")]
    for part in parts:
        same({k: part[k] for k in exact}, {k: one[k] for k in exact}, 1e-12)
        same(part, one, 1e-5)  # training is in float32
    for name in one:
        np.testing.assert_array_equal(parts[0][name], parts[1][name])
    assert (together / "mace-maml.safetensors").is_file()


def test_two_devices_give_the_gradient_of_one(split_folder, tmp_path):
    pytest.importorskip("jax")
    flags = (
        "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0 "
        "--xla_llvm_disable_expensive_passes=true"
    )
    finish(start(JAX, "fomaml", 2, split_folder, tmp_path, XLA_FLAGS=flags))
    same(np.load(tmp_path / "two.npz"), np.load(tmp_path / "one.npz"), 1e-6)
