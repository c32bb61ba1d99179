"""The reference methods in the harness: what they may see, what they cost, what they are given."""

from dataclasses import replace

import numpy as np
import pytest

import mfbench
from mfbench.errors import MfbenchError
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget

pytestmark = pytest.mark.usefixtures("short_compilations")


@pytest.fixture(scope="module")
def mini():
    """cath-mini with one test family."""
    split = mfbench.load_split("cath-mini")
    return replace(split, tasks=(*split.train, *split.validation, split.test[0]))


@pytest.fixture(scope="module")
def support(mini):
    task = mini.test[0]
    return [task.support[i] for i in task.draws[0, :10]]


@pytest.fixture(scope="module")
def query(mini):
    return [c.blind() for c in mini.test[0].query[::9]]


@pytest.fixture(scope="module")
def adapted(mini, support):
    method = load_method("maml", MethodContext(mini))
    return method.adapt(support, budget=Budget(), seed=0)


def arrays(predictions):
    return np.array([p.energy for p in predictions]), np.concatenate([p.forces for p in predictions])


def test_adapting_stays_within_the_budget(adapted):
    assert adapted.usage.gradient_evaluations == 20 * 10  # 20 steps of min(K, 16) configurations


@pytest.mark.parametrize("change", ["permuted", "split"])
def test_a_prediction_does_not_depend_on_the_other_queries(adapted, query, change):
    energies, forces = arrays(adapted.predict(query))
    if change == "permuted":
        again = adapted.predict(query[::-1])[::-1]
    else:
        again = [adapted.predict([c])[0] for c in query]
    again_energies, again_forces = arrays(again)
    np.testing.assert_allclose(again_energies, energies, atol=1e-4)
    np.testing.assert_allclose(again_forces, forces, atol=1e-4)


def test_a_larger_molecule_beside_small_ones_is_right_and_changes_none_of_them(adapted, query):
    """Three copies out of each other's reach feel the forces of one."""
    one = query[0]
    copies = np.concatenate([one.positions + [30.0 * k, 0, 0] for k in range(3)])
    three = mfbench.Configuration(np.tile(one.atomic_numbers, 3), copies, 3 * one.total_charge)
    found = adapted.predict([*query[:2], three.blind(), *query[2:]])
    np.testing.assert_allclose(found[2].forces, np.tile(found[0].forces, (3, 1)), atol=1e-4)
    small, forces = arrays([p for i, p in enumerate(found) if i != 2])
    alone, alone_forces = arrays(adapted.predict(query))
    np.testing.assert_allclose(small, alone, atol=1e-4)
    np.testing.assert_allclose(forces, alone_forces, atol=1e-4)


def test_forces_are_the_gradient_of_the_predicted_energy(adapted, mini):
    """Central difference along a random displacement (float32: a generous step)."""
    c = mini.test[0].query[0].blind()
    direction = np.random.default_rng(0).normal(size=c.positions.shape)
    direction /= np.linalg.norm(direction)
    h = 0.01
    moved = [
        mfbench.Configuration(c.atomic_numbers, c.positions + s * h * direction, c.total_charge)
        for s in (-1, 1)
    ]
    low, high = (p.energy for p in adapted.predict(moved))
    (there,) = adapted.predict([c])
    assert np.sum(there.forces * direction) == pytest.approx(-(high - low) / (2 * h), abs=0.03)


def test_same_seed_same_adaptation(mini, support, query, adapted):
    method = load_method("maml", MethodContext(mini))
    again = method.adapt(support, budget=Budget(), seed=0)
    other = method.adapt(support, budget=Budget(), seed=1)
    np.testing.assert_array_equal(arrays(again.predict(query))[1], arrays(adapted.predict(query))[1])
    assert not np.array_equal(arrays(other.predict(query))[1], arrays(adapted.predict(query))[1])


def test_learned_methods_beat_the_constant_line(mini):
    results = mfbench.evaluate("maml", mini, ks=[0, 20], draws=1)
    assert results.exit_code == 0
    for metric in ("energy_rmse", "energy_rmse_within", "force_rmse"):
        assert results.value(metric, 20) < 0.5 * results.find(metric, 20, of="constant").value
    assert results.value("energy_rmse", 20) < results.value("energy_rmse", 0)
    assert results.run["card"]["training"]["data_hash"] == mini.manifest.data_hash


def test_offset_takes_no_gradient_and_leaves_forces_alone(mini, support, query):
    method = load_method("offset", MethodContext(mini))
    zero_shot = method.adapt([], budget=Budget(), seed=0)
    few_shot = method.adapt(support, budget=Budget(), seed=0)
    assert few_shot.usage.gradient_evaluations == 0
    before, after = arrays(zero_shot.predict(query)), arrays(few_shot.predict(query))
    np.testing.assert_array_equal(before[1], after[1])
    assert not np.allclose(before[0], after[0], atol=1e-3)


def test_scratch_learns_from_its_support_alone(mini, support, query):
    context = MethodContext(mini, options={"steps": 150})
    method = load_method("scratch", context)
    nothing, learned = (method.adapt(s, budget=Budget(), seed=0) for s in ([], support))
    assert np.all(arrays(nothing.predict(query))[1] == 0)
    labels = np.concatenate([c.forces for c in mini.test[0].query[::9]])
    error = np.sqrt(np.mean((arrays(learned.predict(query))[1] - labels) ** 2))
    assert error < 0.8 * np.sqrt(np.mean(labels**2))
    assert learned.usage.gradient_evaluations <= 150 * 4


def test_options_and_names_are_checked(mini):
    with pytest.raises(MfbenchError, match="rat"):
        load_method("maml", MethodContext(mini, options={"rat": 0.1}))
    with pytest.raises(MfbenchError, match="unknown optimizer"):
        load_method("maml", MethodContext(mini, options={"optimizer": "newton"})).adapt(
            [mini.test[0].support[0]], budget=Budget(), seed=0
        )


def test_an_element_that_the_model_does_not_know_is_named(adapted):
    zinc = mfbench.Configuration(np.array([30, 8], np.int32), np.array([[0.0, 0, 0], [1.9, 0, 0]]))
    with pytest.raises(ValueError, match="30"):
        adapted.predict([zinc])
