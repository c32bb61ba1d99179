"""Losses, schedules, weight averages and early stopping: as described, and alike in both backends."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")

from mfbench.errors import UnknownNameError  # noqa: E402
from mfbench.learned.adaptation.recipe import (  # noqa: E402
    CONVERGED,
    AdaptSettings,
    ScratchSettings,
    averaging,
    step_sizes,
)
from mfbench.learned.methods.fit import fit_support, fitted  # noqa: E402
from mfbench.learned.training.losses import LOSSES, softening  # noqa: E402
from mfbench.learned.training.settings import TrainSettings, as_recorded  # noqa: E402
from mfbench.protocol.protocol import Budget  # noqa: E402
from mfbench_jax.meta import objective as in_jax  # noqa: E402
from mfbench_torch.meta import objective as in_torch  # noqa: E402

pytestmark = pytest.mark.usefixtures("short_compilations")


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_those_described_in_both_backends(loss):
    rng = np.random.default_rng(0)
    energy, labels = rng.normal(size=(2, 3)).astype(np.float32)
    forces, truth = rng.normal(size=(2, 4, 3)).astype(np.float32)
    factor = rng.normal(size=(3, 3)).astype(np.float32)
    whitener = np.linalg.inv(np.linalg.cholesky(factor @ factor.T + np.eye(3))).astype(np.float32)
    metric = whitener.T @ whitener
    weights = (0.3, 1.7, loss)

    r, lengths = whitener @ (labels - energy), np.linalg.norm(forces - truth, axis=1)
    if loss == "squared":
        expected = 0.3 * np.mean(r**2) + 1.7 * np.mean((forces - truth) ** 2)
    else:
        soft = softening(loss)
        rounded = lambda x: np.mean(np.sqrt(x**2 + soft**2) - soft)  # noqa: E731
        expected = 0.3 * rounded(r) + 1.7 * rounded(lengths)

    pad = lambda x, n: np.pad(x, [(0, n), *[(0, 0)] * (x.ndim - 1)])  # noqa: E731
    square = lambda x: np.pad(x, ((0, 1), (0, 1)))  # noqa: E731
    padded = in_jax.Labels(
        pad(labels, 1), pad(truth, 2), square(metric), square(whitener), 3.0, pad(np.ones(4), 2)
    )
    model = lambda p, b: (pad(energy, 1), pad(forces, 2) + (np.arange(6) > 3)[:, None])  # noqa: E731
    there = in_jax.batch_loss({}, model, None, padded, in_jax.LossWeights(*weights))
    tensor = torch.from_numpy
    plain = in_torch.Labels(tensor(labels), tensor(truth), tensor(metric), tensor(whitener))
    found = lambda p, b: (tensor(energy), tensor(forces))  # noqa: E731
    here = in_torch.batch_loss({}, found, None, plain, in_torch.LossWeights(*weights))
    assert float(there) == pytest.approx(expected, rel=1e-4)
    assert float(here) == pytest.approx(expected, rel=1e-4)


def test_an_unknown_loss_is_refused_and_old_cards_say_theirs():
    with pytest.raises(UnknownNameError, match="l2"):
        TrainSettings("joint", loss="l2")
    assert as_recorded({"method": "maml"})["loss"] == "squared"
    assert as_recorded({"loss": "l1"})["loss"] == "l1"
    assert TrainSettings("joint").loss == "l1"


def test_schedules():
    settings = AdaptSettings(rate=1.0, decay="cosine", warm_up=3, average=0.5)
    np.testing.assert_allclose(
        step_sizes(settings, 8)[:3],
        step_sizes(AdaptSettings(rate=1.0, decay="cosine"), 8)[:3] * [0.25, 0.5, 0.75],
    )
    np.testing.assert_allclose(averaging(settings, 30)[[0, 29]], [0.1, 0.5])
    assert averaging(AdaptSettings(), 4).tolist() == [0.0] * 4


def descent(found, state, steps):
    """The state counts steps; what they were is noted."""
    found.append(steps)
    return state + len(steps.rows)


@pytest.mark.parametrize("recipe", [CONVERGED, ScratchSettings(check=100).recipe])
def test_every_recipe_stops_by_the_same_rule(recipe):
    """A fifth is held back and never descended on; the best look counts; ten without improvement end it."""
    seen, looks = [], []

    def loss(state, indices):
        looks.append(indices)
        return abs(state - 300)

    state, gradients = fit_support(
        0, 20, recipe, Budget(2000, 4), 7, lambda s, steps: descent(seen, s, steps), loss
    )
    assert state == 300
    assert len(looks) == 3 + recipe.patience
    assert gradients == 100 * 4 * len(looks)
    assert len(looks[0]) == 4
    assert not set(looks[0].tolist()) & {int(i) for steps in seen for i in steps.rows.ravel()}
    sizes = np.concatenate([steps.sizes for steps in seen])
    np.testing.assert_array_equal(sizes, step_sizes(recipe, 2000)[: len(sizes)])


def test_without_looks_all_of_the_support_is_used_and_the_budget_binds():
    seen = []
    state, gradients = fit_support(
        0, 5, AdaptSettings(), Budget(20, 16), 0, lambda s, steps: descent(seen, s, steps), None
    )
    assert (state, gradients) == (20, 100)
    assert set(seen[0].rows.ravel().tolist()) == set(range(5))


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_no_rate_makes_an_adaptation_diverge(split, backend):
    """Steps of rate 1e6 are shortened: weights stay finite and near; averages lie in between."""
    import importlib

    from mfbench.learned.architectures.mace import MaceConfig, initial_weights
    from mfbench.learned.checkpoint import Checkpoint
    from mfbench.protocol.energy_baseline import fit_baseline

    config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
    weights = initial_weights(config, 0)
    engine = importlib.import_module(f"mfbench_{backend}.engine").ENGINE
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    dataset = engine.dataset(split.train[0].support[:6], config, baseline)
    start = Checkpoint(config, weights, {k: np.ones_like(v) for k, v in weights.items()}, {})
    for optimizer in ("sgd", "adam"):
        settings = AdaptSettings(optimizer, 1e6, bound=0.01, loss="l1", average=0.9, check=2, patience=2)
        found, gradients = fitted(engine, start, dataset, settings, Budget(4, 4), 0)
        moved = np.concatenate([np.ravel(np.asarray(found[k]) - weights[k]) for k in weights])
        assert np.isfinite(moved).all()
        assert np.sqrt(np.mean(moved**2)) <= 4 * 0.01 * 1.001
        assert gradients == 16
