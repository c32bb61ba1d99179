"""The closed-form head: exact where it can be, absent where it does not help, within the budget."""

import copy
import importlib
from dataclasses import replace

import numpy as np
import pytest

from mfbench.data.configuration import Configuration
from mfbench.errors import UnknownNameError
from mfbench.learned.adaptation.ridge import Design, RidgeSettings, fit_head, force_configurations
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.methods.ridge import Ridge
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.energy_baseline import fit_baseline
from mfbench.protocol.protocol import Budget

pytestmark = pytest.mark.usefixtures("short_compilations")

CONFIG = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
FEATURES = 6  # two layers of two scalars, and the hidden layer of the last readout


def linear_design(noise_alone=False, k=12, p=5):
    rng = np.random.default_rng(0)
    head, features = rng.normal(size=p), rng.normal(size=(k, p))
    jacobians = [rng.normal(size=(18, p)) for _ in range(k)]
    signal = 0.0 if noise_alone else 1.0
    forces = [signal * j @ head + noise_alone * rng.normal(size=18) for j in jacobians]
    energies = signal * features @ head + noise_alone * rng.normal(size=k)
    return head, Design(features, energies, np.zeros((k, k)), jacobians, forces, np.arange(k) // 3)


def test_a_head_that_made_the_labels_is_found():
    head, design = linear_design()
    found = fit_head(design, np.ones(5), RidgeSettings())
    np.testing.assert_allclose(found, head, rtol=1e-3)


def test_labels_without_a_head_give_none():
    _, design = linear_design(noise_alone=True)
    assert np.all(fit_head(design, np.ones(5), RidgeSettings()) == 0)


def test_forces_are_paid_for():
    for gradients in (7, 80, 320):
        count, cost = force_configurations(50, 32, Budget(gradients, 1))
        assert cost <= gradients
        assert count == min(50, gradients // 8)
    # The closed-form track takes no step and counts no gradients: every label is solved for.
    assert force_configurations(50, 32, Budget(0)) == (50, 400)


def test_training_names_the_network_that_ridge_uses():
    with pytest.raises(UnknownNameError, match="pretrain"):
        TrainSettings("ridge")


class Episode:
    """Labels of a synthetic family, and a random network whose head is asked for."""

    def __init__(self, split):
        self.task = split.train[0]
        self.baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
        self.weights = initial_weights(CONFIG, 0)
        self.support, self.query = list(self.task.support), [c.blind() for c in self.task.query]

    def made(self, backend):
        pytest.importorskip({"jax": "jax", "torch": "torch"}[backend])
        engine = importlib.import_module(f"mfbench_{backend}.engine").ENGINE
        checkpoint = Checkpoint(CONFIG, self.weights, {}, {})
        return Ridge(engine, checkpoint, self.baseline, RidgeSettings(), self.support[:6])


@pytest.fixture(scope="module")
def episode(split):
    return Episode(split)


@pytest.fixture(scope="module")
def jax_ridge(episode):
    return episode.made("jax")


@pytest.fixture(scope="module")
def adapted(episode, jax_ridge):
    return jax_ridge.adapt(episode.support, budget=Budget(), seed=0)


def arrays(predictions):
    return np.array([p.energy for p in predictions]), np.concatenate([p.forces for p in predictions])


def test_without_labels_it_is_the_network_and_the_budget_holds(episode, jax_ridge, adapted):
    nothing = jax_ridge.adapt([], budget=Budget(), seed=0)
    assert nothing.model.head is None
    assert nothing.usage.gradient_evaluations == 0
    assert adapted.usage.gradient_evaluations == len(episode.support) * FEATURES / 4
    assert np.abs(adapted.model.head).max() > 0
    poor = jax_ridge.adapt(episode.support, budget=Budget(steps=1, batch=4), seed=0)
    assert 0 < poor.usage.gradient_evaluations <= 4


def test_forces_are_the_gradient_of_the_energies(episode, adapted):
    """The head's part, by central differences (float32: a generous step)."""
    plain = copy.copy(adapted)
    plain.model = replace(adapted.model, head=None)
    c = episode.query[0]

    def part(positions):
        moved = [Configuration(c.atomic_numbers, positions, c.total_charge, graph_id=c.graph_id)]
        (with_head,), (without,) = (m.predict(moved) for m in (adapted, plain))
        return with_head.energy - without.energy, with_head.forces - without.forces

    forces = part(c.positions)[1]
    direction = forces / np.linalg.norm(forces)
    (low, _), (high, _) = (part(c.positions + s * 0.01 * direction) for s in (-1, 1))
    assert np.linalg.norm(forces) > 0.05
    assert -(high - low) / 0.02 == pytest.approx(np.linalg.norm(forces), rel=0.02, abs=2e-3)


def test_pytorch_fits_the_head_that_jax_fits(episode, jax_ridge, adapted):
    twin = episode.made("torch")
    for ours, theirs in zip(twin.scales, jax_ridge.scales, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    other = twin.adapt(episode.support, budget=Budget(), seed=0)
    assert other.usage.gradient_evaluations == adapted.usage.gradient_evaluations
    (e1, f1), (e2, f2) = arrays(adapted.predict(episode.query)), arrays(other.predict(episode.query))
    np.testing.assert_allclose(e2, e1, atol=2e-3)
    np.testing.assert_allclose(f2, f1, atol=2e-3)
