"""L-BFGS: it finds the bottom of a bowl, ignores what batches make up, and is the same in both backends."""

import importlib

import numpy as np
import pytest

from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.lbfgs import lbfgs_direction, lbfgs_start, repeated, same_as_before
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.methods.fit import fitted
from mfbench.protocol.energy_baseline import fit_baseline
from mfbench.protocol.protocol import Budget

pytestmark = pytest.mark.usefixtures("short_compilations")


def bowl(n=12):
    rng = np.random.default_rng(0)
    turned, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return turned @ np.diag(np.logspace(0, 2, n)) @ turned.T, rng.normal(size=n)


def test_it_finds_the_bottom_of_a_bowl_that_gradients_do_not():
    matrix, x = bowl()
    state, begin, plain = lbfgs_start(x), x, x
    for number in range(40):
        state, direction = lbfgs_direction(state, x, matrix @ x, float(number > 0))
        x = x - direction
        plain = plain - 0.01 * matrix @ plain
    assert np.linalg.norm(x) < 1e-3 * np.linalg.norm(begin)
    assert np.linalg.norm(x) < 0.01 * np.linalg.norm(plain)


def test_gradients_of_other_configurations_teach_no_curvature():
    matrix, x = bowl()
    state = lbfgs_start(x)
    for _ in range(3):
        state, direction = lbfgs_direction(state, x, matrix @ x, 0.0)
        np.testing.assert_allclose(np.sqrt(np.mean(direction**2)), 0.01, rtol=1e-6)
        x = x - direction
    assert all(not s.any() for s in state.steps)


def test_batches_come_several_times_in_a_row():
    rows = np.arange(24).reshape(12, 2)
    again = repeated(rows)
    assert again[:, 0].tolist() == [0] * 5 + [2] * 5 + [4] * 2
    assert same_as_before(again).tolist() == [0, 1, 1, 1, 1] * 2 + [0, 1]
    assert same_as_before(np.array([[3, 1], [1, 3], [1, 2]])).tolist() == [0, 1, 0]


def test_both_backends_take_the_same_steps_and_the_loss_falls(split):
    pytest.importorskip("jax")
    pytest.importorskip("torch")
    config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
    weights = initial_weights(config, 0)
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    settings = AdaptSettings("lbfgs", 1.0, loss="huber", energy_weight=0.2, bound=0.1)
    start, found = Checkpoint(config, weights, {}, {}), []
    for backend in ("jax", "torch"):
        engine = importlib.import_module(f"mfbench_{backend}.engine").ENGINE
        dataset = engine.dataset(split.train[0].support[:4], config, baseline)
        params, gradients = fitted(engine, start, dataset, settings, Budget(6, 4), 0)
        assert gradients == 24
        every = np.arange(4)
        before = engine.loss(engine.arrays(weights), config, dataset, every, settings)
        assert engine.loss(params, config, dataset, every, settings) < 0.95 * before
        found.append(engine.numpy(params))
    for name, value in found[0].items():
        np.testing.assert_allclose(value, found[1][name], atol=5e-3)
    with pytest.raises(UnknownNameError, match="no preconditioner"):
        fitted(engine, start, dataset, AdaptSettings("sgd"), Budget(1, 4), 0)
