"""PyTorch methods in the harness, and training: the same numbers as JAX, the same files."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import mfbench
from mfbench.cli import main
from mfbench.errors import MfbenchError, TrainingError
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.checkpoint import Checkpoint, embedded_checkpoint, load_checkpoint, save_checkpoint
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget
from mfbench_torch.train import train

pytestmark = pytest.mark.usefixtures("short_compilations")

SMALL = {
    "joint_gradients": 24, "gradients": 200, "withheld": 1, "joint_batch": 4,
    "tasks": 1, "k": 6, "inner_steps": 2, "inner_batch": 4, "query": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def mini():
    """cath-mini with one test family."""
    split = mfbench.load_split("cath-mini")
    return replace(split, tasks=(*split.train, *split.validation, split.test[0]))


@pytest.fixture(scope="module")
def support(mini):
    return [mini.test[0].support[i] for i in mini.test[0].draws[0, :5]]


@pytest.fixture(scope="module")
def query(mini):
    return mini.test[0].query[::9]


def errors(predictions, query):
    energy = np.array([p.energy - c.energy for p, c in zip(predictions, query, strict=True)])
    forces = np.concatenate(
        [(p.forces - c.forces).ravel() for p, c in zip(predictions, query, strict=True)]
    )
    return np.sqrt(np.mean(energy**2)), np.sqrt(np.mean(forces**2))


@pytest.mark.parametrize("name", ["maml", "pretrain"])
def test_an_episode_has_the_errors_that_jax_has(mini, support, query, name):
    pytest.importorskip("jax")
    found = {}
    for backend in ("jax", "torch"):
        method = load_method(name, MethodContext(mini), backend=backend)
        adapted = method.adapt(support, budget=Budget(steps=5), seed=0)
        assert adapted.usage.gradient_evaluations == 25
        found[backend] = errors(adapted.predict([c.blind() for c in query]), query)
    np.testing.assert_allclose(found["torch"], found["jax"], rtol=1e-3)


def test_offset_takes_no_gradient_and_leaves_forces_alone(mini, support, query):
    method = load_method("offset", MethodContext(mini, options={"dtype": "float64"}), backend="torch")
    blind = [c.blind() for c in query]
    before, after = (method.adapt(s, budget=Budget(), seed=0).predict(blind) for s in ([], support))
    np.testing.assert_array_equal(
        np.concatenate([p.forces for p in before]), np.concatenate([p.forces for p in after])
    )
    assert not np.allclose([p.energy for p in before], [p.energy for p in after], atol=1e-3)


def test_scratch_learns_from_its_support_alone(split):
    method = load_method(
        "scratch", MethodContext(split, options={"steps": 40, "check": 20}), backend="torch"
    )
    task = split.test[0]
    nothing, learned = (method.adapt(s, budget=Budget(), seed=0) for s in ([], task.support[:8]))
    blind = [c.blind() for c in task.query]
    assert all(np.all(p.forces == 0) for p in nothing.predict(blind))
    assert errors(learned.predict(blind), task.query)[1] < errors(nothing.predict(blind), task.query)[1]


def test_options_are_checked(mini):
    for options, message in (({"dtype": "int8"}, "unknown dtype"), ({"rat": 1}, "rat")):
        with pytest.raises(MfbenchError, match=message):
            load_method("maml", MethodContext(mini, options=options), backend="torch")


def test_the_command_line_evaluates(split_folder, tmp_path, capsys):
    """A checkpoint of one backend, in the other, through the whole harness."""
    config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
    weights = initial_weights(config, 0)
    ones = {k: np.ones_like(v) for k, v in weights.items()}
    card = {"data_hash": mfbench.load_split(split_folder).manifest.data_hash, "phases": []}
    save_checkpoint(tmp_path / "a.safetensors", Checkpoint(config, weights, ones, card))
    arguments = ["-m", "maml", "-s", str(split_folder), "--k", "5", "--draws", "1", "--steps", "2"]
    arguments += ["--checkpoint", str(tmp_path / "a.safetensors"), "--out", str(tmp_path / "run")]
    assert main(["evaluate", *arguments, "--backend", "torch"]) == 0
    assert "mace torch" in capsys.readouterr().out
    request = json.loads((tmp_path / "run" / "run.json").read_text())["request"]
    assert request["backend"] == "torch"


def test_jax_is_not_needed():
    """Nothing of the PyTorch side imports JAX."""
    script = (
        "import sys; import mfbench_torch.methods, mfbench_torch.train, mfbench_torch.convert;"
        "print([m for m in sys.modules if m.partition('.')[0] in ('jax', 'mfbench_jax', 'optax')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def small(split):
    """The synthetic split with one validation family."""
    return replace(split, tasks=(*split.train, split.validation[0], *split.test))


@pytest.fixture(scope="module")
def joint(small, tmp_path_factory):
    return train(small, TrainSettings("joint", **SMALL), tmp_path_factory.mktemp("joint"))


def test_an_interrupted_phase_goes_on_as_if_it_had_not_been(small, joint, tmp_path):
    settings = TrainSettings("maml", **SMALL | {"gradients": 24 + 36 * 4})
    whole = train(small, settings, tmp_path / "whole", initial=joint)
    assert whole.card["phases"][-1]["done"] == 4
    train(small, settings, tmp_path / "parts", initial=joint, stop_after=2)
    parts = train(small, settings, tmp_path / "parts", initial=joint)
    assert parts.card["phases"][-1]["losses"] == whole.card["phases"][-1]["losses"]
    for name, value in whole.params.items():
        np.testing.assert_array_equal(parts.params[name], value)
    read = load_checkpoint(tmp_path / "whole" / "mace-maml.safetensors")
    for name, value in joint.precondition.items():
        np.testing.assert_array_equal(read.precondition[name], value)


def test_a_state_of_another_backend_is_named(small, tmp_path):
    from safetensors.numpy import save_file

    save_file({"0": np.zeros(1)}, tmp_path / "joint.state.safetensors")
    (tmp_path / "joint.json").write_text(json.dumps({"done": 1, "seconds": 0}))
    with pytest.raises(TrainingError, match="no state of PyTorch"):
        train(small, TrainSettings("joint", **SMALL), tmp_path)


def test_train_gives_the_first_losses_of_the_card(tmp_path):
    """What JAX logged when it trained the embedded checkpoint, through the command line."""
    card = load_checkpoint(embedded_checkpoint("cath-mini", "mace", "joint")).card
    options = [
        x
        for key, value in card["settings"].items()
        if key not in ("method", "seed")
        for x in ("--option", f"{key}={value}")
    ]
    arguments = ["train", "-m", "joint", "-s", "cath-mini", "--backend", "torch", "--out", str(tmp_path)]
    assert main([*arguments, "--stop-after", "5", *options]) == 0
    again = json.loads((tmp_path / "joint.json").read_text())["losses"]
    np.testing.assert_allclose(again, card["phases"][0]["losses"][:5], rtol=2e-3)
