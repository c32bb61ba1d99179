"""The closed-form energy correction is Bayesian linear regression, and the schedules are reproducible."""

import numpy as np
import pytest

import mfbench
from mfbench.data.bond_types import bond_type_counts, bond_types
from mfbench.data.configuration import Configuration
from mfbench.learned.training.sampling_order import adaptation_batches, joint_batch, meta_batch
from mfbench.protocol.correction_prior import BETWEEN_LEVELS, ONE_LEVEL, CorrectionPrior, prior_of
from mfbench.protocol.energy_baseline import (
    EnergyBaseline,
    correction_kernel,
    correction_operator,
    fit_baseline,
    split_baseline,
)

WATER = (np.array([8, 1, 1], np.int32), np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]))
METHANE = (
    np.array([6, 1, 1, 1, 1], np.int32),
    np.array(
        [[0, 0, 0], [0.63, 0.63, 0.63], [-0.63, -0.63, 0.63], [-0.63, 0.63, -0.63], [0.63, -0.63, -0.63]]
    ),
)


def molecule(kind, energy=0.0, charge=0):
    numbers, positions = kind
    return Configuration(numbers, positions, total_charge=charge, energy=energy, forces=0 * positions)


def test_correction_is_the_posterior_mean_of_shifts_and_offsets():
    """Against the weight-space solution with explicit features, not the kernel."""
    rng = np.random.default_rng(0)
    support = [molecule(WATER)] * 3 + [molecule(METHANE)] * 2
    query = [molecule(METHANE), molecule(WATER)]
    residuals = rng.normal(size=5)

    def features(configurations):
        columns = [
            [np.sum(c.atomic_numbers == z) * ONE_LEVEL.element for z in (1, 6, 8)] for c in configurations
        ]
        graphs = [
            [ONE_LEVEL.graph * (len(c) == 3), ONE_LEVEL.graph * (len(c) == 5)] for c in configurations
        ]
        return np.hstack([columns, graphs])

    x = features(support)
    weights = np.linalg.solve(x.T @ x + np.eye(5), x.T @ residuals)
    np.testing.assert_allclose(
        correction_operator(support, query) @ residuals, features(query) @ weights, atol=1e-12
    )


def test_correction_tends_to_the_fragments_mean_residual():
    support = [molecule(WATER)] * 50
    correction = correction_operator(support, [molecule(WATER)]) @ np.full(50, 0.7)
    assert correction[0] == pytest.approx(0.7, rel=0.01)
    assert abs(correction[0]) < 0.7  # shrunk, never beyond


def test_one_offset_serves_a_whole_reaction():
    """Bonds change along a reaction; the graph that the fragment gave stays, blind or not."""
    numbers, positions = WATER
    apart = positions * np.array([[1.0], [1.0], [2.0]])  # O-H broken
    given = [
        Configuration(numbers, x, energy=0.0, forces=0 * x, graph_id="water") for x in (positions, apart)
    ]
    [one], [other] = correction_operator(given[:1], [c.blind() for c in given])
    assert one == other > 0.8
    perceived = [molecule((numbers, x)) for x in (positions, apart)]
    [one], [other] = correction_operator(perceived[:1], perceived)
    assert other < 0.5 * one  # what a reaction would get without the given graph


def test_correction_of_an_empty_support_is_nothing():
    assert correction_operator([], [molecule(WATER)]).shape == (1, 0)


def test_kernel_is_symmetric_and_tells_graphs_apart():
    both = [molecule(WATER), molecule(METHANE), molecule(WATER, charge=1)]
    kernel = correction_kernel(both, both)
    np.testing.assert_allclose(kernel, kernel.T)
    assert kernel[0, 0] - kernel[0, 2] == pytest.approx(ONE_LEVEL.graph**2)  # charge is part of the graph


def test_baseline_recovers_linear_energies_and_keeps_unseen_elements():
    isolated = {1: -10.0, 6: -50.0, 8: -100.0, 30: -17.0}
    made = [molecule(WATER, -125.0), molecule(METHANE, -98.0), molecule(WATER, -122.0, charge=1)]
    fitted = fit_baseline(made * 20, isolated)
    np.testing.assert_allclose(fitted.energies(made), [-125.0, -98.0, -122.0], atol=0.05)
    assert fitted.elements[30] == -17.0


def test_schedules_depend_on_seed_and_step_only():
    classes = np.array([0, 1] * 10)
    epoch = [joint_batch(classes, 5, seed=3, step=s) for s in range(4)]
    assert sorted(np.concatenate(epoch)) == list(range(20))
    assert all(len(set(classes[batch])) == 1 for batch in epoch)
    np.testing.assert_array_equal(joint_batch(classes, 5, 3, 7), joint_batch(classes, 5, 3, 7))
    assert not np.array_equal(joint_batch(classes, 5, 3, 0), joint_batch(classes, 5, 4, 0))
    shape = {"tasks": 3, "k": 8, "inner_steps": 2, "inner_batch": 4, "query": 6}
    episodes = meta_batch([(20, 10)] * 4, **shape, seed=1, step=5)
    again = meta_batch([(20, 10)] * 4, **shape, seed=1, step=5)
    assert len({e.task for e in episodes}) == 3
    for a, b in zip(episodes, again, strict=True):
        np.testing.assert_array_equal(a.batches, b.batches)
        assert len(set(a.support)) == 8
        assert a.batches.max() < 8


def test_adaptation_batches_use_every_support_configuration_equally():
    batches = adaptation_batches(50, 20, 16, seed=0)
    assert batches.shape == (20, 16)
    counts = np.bincount(batches.ravel(), minlength=50)
    assert counts.max() - counts.min() <= 1
    assert adaptation_batches(5, 20, 16, seed=0).shape == (20, 5)


AMMONIA = (
    np.array([7, 1, 1, 1], np.int32),
    np.array([[0, 0, 0.1], [0.94, 0, -0.27], [-0.47, 0.81, -0.27], [-0.47, -0.81, -0.27]]),
)
ETHANE = (
    np.array([6, 6, *[1] * 6], np.int32),
    np.array(
        [[0, 0, 0.76], [0, 0, -0.76]]
        + [[1.02 * np.cos(a), 1.02 * np.sin(a), z * 1.16] for z in (1, -1) for a in (0.0, 2.09, 4.19)]
    ),
)


def test_a_bond_type_is_its_elements_and_how_many_bonds_their_atoms_have():
    assert dict(bond_types(molecule(WATER))) == {((1, 1), (8, 2)): 2}
    assert dict(bond_types(molecule(ETHANE))) == {((1, 1), (6, 4)): 6, ((6, 4), (6, 4)): 1}


def test_between_levels_a_bond_s_error_is_carried_to_molecules_that_the_support_does_not_show():
    """Methane tells of C-H, and ethane has six of them; elements alone would say 6 H and 2 C."""
    support, left = [molecule(k) for k in (METHANE, AMMONIA, WATER)], np.array([4 * 0.2, 0.0, 0.0])
    [wide] = correction_operator(support, [molecule(ETHANE)], prior=BETWEEN_LEVELS) @ left
    [narrow] = correction_operator(support, [molecule(ETHANE)], prior=ONE_LEVEL) @ left
    assert wide == pytest.approx(6 * 0.2, rel=0.1)
    assert narrow < 0.5 * 6 * 0.2


def test_the_kernel_between_levels_is_that_of_explicit_features():
    some = [molecule(WATER), molecule(METHANE, charge=1), molecule(ETHANE, charge=-2)]
    others = [molecule(AMMONIA, charge=-1), molecule(ETHANE)]
    prior = CorrectionPrior(element=0.5, graph=2.0, bond=1.5, charge=0.7)
    one, two = bond_type_counts(some, others)
    plain = correction_kernel(some, others, prior=CorrectionPrior(element=0.5, graph=2.0))
    charges = np.outer([0, 0, 2], [1, 0])
    found = correction_kernel(some, others, prior=prior, scale=2.0)
    np.testing.assert_allclose(found, 4 * (plain + 1.5**2 * one @ two.T + 0.7**2 * charges))


@pytest.mark.parametrize(("name", "prior"), [("cath-mini", ONE_LEVEL), ("levels-mini", BETWEEN_LEVELS)])
def test_a_split_whose_tasks_have_levels_has_the_wide_prior_and_its_cards_say_so(name, prior):
    split = mfbench.load_split(name)
    assert prior_of(split) == prior
    baseline = split_baseline(split)
    assert EnergyBaseline.from_dict(baseline.to_dict()) == baseline
    assert baseline.prior == prior
    assert ("correction" in baseline.to_dict()) == (prior != ONE_LEVEL)


def test_any_model_of_what_is_left_becomes_one_of_totals():
    """The baseline is added, and what the support says of the model's offset; no support, no correction."""
    split = mfbench.load_split("cath-mini")
    context = mfbench.MethodContext(split)
    task = split.test[0]
    support, query = task.support[:20], [c.blind() for c in task.query[:10]]

    class Shifted:
        usage = mfbench.Usage(7)

        def predict(self, configurations):
            return [mfbench.Prediction(3.0, np.ones((len(c), 3))) for c in configurations]

    bare = mfbench.corrected(Shifted(), [], context)
    np.testing.assert_allclose(
        [p.energy for p in bare.predict(query)], context.baseline.energies(query) + 3.0
    )
    found = mfbench.corrected(Shifted(), support, context)
    assert found.usage == mfbench.Usage(7)
    left = np.array([c.energy for c in support]) - context.baseline.energies(support) - 3.0
    np.testing.assert_allclose(
        [p.energy for p in found.predict(query)],
        context.baseline.energies(query) + 3.0 + correction_operator(support, query) @ left,
    )
    assert np.all(found.predict(query)[0].forces == 1.0)
