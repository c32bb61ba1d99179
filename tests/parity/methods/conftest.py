"""A corner of cath-mini, the smallest fragments of seven families, and training on it in a few seconds."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("torch")

import mfbench
from mfbench.learned.checkpoint import load_checkpoint
from mfbench.protocol.loading import load_method, load_trainer
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget

SMALL = {
    "joint_gradients": 1600, "withheld": 0, "joint_batch": 4, "joint_rate": 2e-2, "rate": 3e-3,
    "tasks": 2, "k": 8, "inner_steps": 2, "inner_batch": 4, "inner_rate": 1e-3, "query": 6,
    "loss": "squared", "energy_weight": 1.0, "inner_bound": 0.0,  # what these rates were chosen for
}  # fmt: skip
OWN = {"pretrain": 400, "maml": 500, "fomaml": 200, "reptile": 160, "maml++": 500, "anil": 500}
"""Configuration-gradients of a method's own phase: a handful of steps, or twenty of pretrain."""
SIZES = {"nequip": {"model.num_interactions": 2, "model.channels": 6}}
"""Where the nano model takes minutes to compile."""
BUDGET = Budget(steps=3, batch=8)


def corner(task):
    """The two smallest fragments of a family, and no more than 20 queries of each."""
    sizes = {c.fragment_id: len(c) for c in task.support}
    chosen = sorted(sizes, key=lambda name: (sizes[name], name))[:2]
    support, query = (
        [c for name in chosen for c in [x for x in pool if x.fragment_id == name][:count]]
        for pool, count in ((task.support, 99), (task.query, 20))
    )
    draws = np.random.default_rng(0).permutation(len(support))[None, :16]
    return replace(task, support=tuple(support), query=tuple(query), heldout=(), larger=(), draws=draws)


@pytest.fixture(scope="module")
def mini():
    """Five families to train on, one to validate on and one to test on."""
    split = mfbench.load_split("cath-mini")
    tasks = (*split.train[:5], split.validation[0], split.test[0])
    return replace(split, tasks=tuple(corner(task) for task in tasks))


@pytest.fixture(scope="module", params=["jax", "torch"])
def train(request, mini, tmp_path_factory):
    """(arch, method) → checkpoint file; methods of one architecture share its joint phase."""
    folder = tmp_path_factory.mktemp(request.param)

    def run(arch, method, gradients, init=None):
        out, options = folder / f"{arch}-{method}", {**SMALL, **SIZES.get(arch, {}), "gradients": gradients}
        run = load_trainer(request.param)
        run(mini, method, arch, 0, options, out, init=init, stop_after=None, tick=lambda *_: None)
        return out / f"{arch}-{method}.safetensors"

    @cache
    def get(arch, method):
        if method == "joint":
            return run(arch, method, SMALL["joint_gradients"])
        return run(arch, method, SMALL["joint_gradients"] + OWN[method], get(arch, "joint"))

    return get


def adapted(mini, path, arch, method, backend):
    """What the method predicts for a family after eight labels: energies [n] eV, forces eV/Å."""
    (task,) = mini.test
    made = load_method(method, MethodContext(mini, arch=arch, checkpoint=str(path)), backend=backend)
    predictor = made.adapt([task.support[i] for i in task.draws[0, :8]], budget=BUDGET, seed=0)
    assert 0 < predictor.usage.gradient_evaluations <= BUDGET.steps * BUDGET.batch
    found = predictor.predict([c.blind() for c in task.query])
    return np.array([p.energy for p in found]), np.concatenate([p.forces for p in found])


@pytest.fixture(scope="module")
def assert_backends_agree(mini):
    def check(path, arch, method):
        (energy, forces), (energy_again, forces_again) = (
            adapted(mini, path, arch, method, backend) for backend in ("jax", "torch")
        )
        np.testing.assert_allclose(energy, energy_again, rtol=0, atol=2e-3)
        np.testing.assert_allclose(forces, forces_again, rtol=0, atol=2e-3 * np.abs(forces).max())

    return check


@pytest.fixture(scope="session")
def assert_learned():
    """The validation error fell in both phases."""

    def check(path):
        joint, own = load_checkpoint(path).card["phases"]
        assert own["done"] == own["steps"] > 0
        assert np.all(np.isfinite(own["losses"]))
        for phase, share in ((joint, 0.9), (own, 1.0)):
            errors = [point["force_rmse"] for point in phase["validation"]]
            assert errors[-1] < share * errors[0]

    return check
