"""What the field worries about: coverage, forgetting, gaps, the label factor; and files that are kept."""

from __future__ import annotations

import numpy as np
import pytest

from mfbench.data.configuration import Configuration
from mfbench.errors import CheckpointError, DataError, ProtocolError, UnknownNameError
from mfbench.learned.adaptation.recipe import AdaptSettings, step_sizes
from mfbench_campaign.intervals import gap, shown
from mfbench_campaign.limits.coverage.equal_shares import rms_in, shares
from mfbench_campaign.limits.coverage.nearest_environment import nearest
from mfbench_campaign.limits.coverage.torsions import (
    UNSEEN,
    circular_distance,
    farthest_torsion,
    topology,
    torsion_angles,
    torsion_distances,
    torsions_of,
)
from mfbench_campaign.limits.forgetting.remembered import remembered, replayed
from mfbench_campaign.limits.label_worth.curve import labels_needed
from mfbench_campaign.limits.label_worth.measure import scratch_options
from mfbench_campaign.limits.label_worth.table import payback, savings
from mfbench_campaign.limits.measured import Content, Measurement, finish, read_measured
from mfbench_campaign.limits.overfitting import spread
from mfbench_campaign.limits.setting import Setting, read_tuning


def butane(angle: float, name: str = "butane") -> Configuration:
    """Heavy atoms of butane with one hydrogen on the first; ``angle`` of C-C-C-C in radians."""
    bond, bend = 1.53, np.radians(112.0)
    back = -np.cos(bend) * bond
    positions = [
        [-back, np.sin(bend) * bond, 0.0],
        [0.0, 0.0, 0.0],
        [bond, 0.0, 0.0],
        [bond + back, np.sin(bend) * bond * np.cos(angle), np.sin(bend) * bond * np.sin(angle)],
    ]
    positions.append(np.array(positions[0]) + [0.0, 1.09, 0.0])
    numbers = np.array([6, 6, 6, 6, 1], np.int32)
    return Configuration(numbers, np.array(positions), fragment_id=name, graph_id="butane")


def ring() -> Configuration:
    """Cyclohexane's carbons with a methyl: flat, which is enough for a graph."""
    turns = np.arange(6) * np.pi / 3
    positions = 1.5 * np.column_stack([np.cos(turns), np.sin(turns), 0 * turns])
    positions = np.vstack([positions, [3.0, 0.0, 0.0], [4.5, 0.0, 0.0]])
    return Configuration(np.full(8, 6, np.int32), positions, fragment_id="ring", graph_id="ring")


@pytest.mark.parametrize("degrees", [0.0, 60.0, 180.0, -120.0])
def test_the_torsion_of_butane_is_the_angle_it_was_built_with(degrees):
    molecule = butane(np.radians(degrees))
    quadruples = torsions_of(topology([molecule]))
    np.testing.assert_array_equal(quadruples, [[0, 1, 2, 3]])  # hydrogens and terminal bonds have none
    (angle,) = torsion_angles(molecule.positions, quadruples)
    assert circular_distance(angle, np.radians(degrees)) == pytest.approx(0.0, abs=1e-9)


def test_bonds_of_rings_do_not_turn():
    quadruples = torsions_of(topology([ring()]))
    assert {tuple(sorted(q[1:3])) for q in quadruples.tolist()} == {(0, 6)}
    assert len(quadruples) == 2  # C7-C6-C0 and either neighbour in the ring


def test_angles_are_compared_on_the_circle():
    near = circular_distance(np.radians(179.0), np.radians(-179.0))
    assert np.degrees(near) == pytest.approx(2.0)
    assert circular_distance(0.0, np.pi) == pytest.approx(np.pi)


def test_the_farthest_torsion_counts_and_each_takes_its_nearest_support():
    known = np.radians([[0.0, 90.0], [60.0, 180.0]])
    asked = np.radians([[50.0, 100.0], [0.0, 180.0]])
    np.testing.assert_allclose(np.degrees(farthest_torsion(asked, known)), [10.0, 0.0], atol=1e-9)
    assert np.isnan(farthest_torsion(np.zeros((1, 0)), np.zeros((0, 0)))).all()


def test_support_of_another_molecule_leaves_a_query_unseen():
    support, query = [butane(np.radians(60.0)), butane(np.radians(180.0))], butane(np.radians(-170.0))
    found = torsion_distances([*support, query, ring()], support, [query, ring()])
    assert np.degrees(found[0]) == pytest.approx(10.0)
    assert found[1] == UNSEEN


def test_a_molecule_without_torsions_is_told_apart_from_one_that_is_unseen():
    water = Configuration(
        np.array([8, 1, 1], np.int32),
        np.array([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]),
        fragment_id="w",
    )
    assert np.isnan(torsion_distances([water], [water], [water])).all()
    assert np.isnan(torsion_distances([water], [], [water])).all()


def test_fragments_with_the_same_atoms_in_the_same_order_share_their_torsions():
    support, query = [butane(1.0, "one")], butane(1.1, "two")
    assert torsion_distances([*support, query], support, [query])[0] == pytest.approx(0.1)


def test_fifths_are_equal_and_ordered_and_what_has_no_support_is_rarest():
    values = np.array([5.0, np.inf, 1.0, 4.0, 2.0, 3.0, 9.0, 8.0, 7.0, 6.0])
    found = shares(values)
    assert np.bincount(found).tolist() == [2] * 5
    assert found[2] == found[4] == 0  # the smallest two
    assert found[1] == found[6] == 4  # infinity and nine
    np.testing.assert_array_equal(rms_in(np.where(found == 3, 16.0, 1.0), found), [1, 1, 1, 4, 1])
    assert rms_in(np.ones(2), shares(np.arange(2.0)))[1] is None


def test_the_nearest_environment_is_of_the_same_element_in_units_of_its_spread():
    asked, known = np.array([[0.0], [0.0], [0.0]]), np.array([[3.0], [1.0], [0.1]])
    found = nearest(np.array([6, 8, 7]), asked, np.array([6, 6, 8]), known, {6: 2.0})
    np.testing.assert_allclose(found, [0.5, 0.1, np.inf])


def test_remembered_configurations_come_in_pairs_of_one_fragment_from_all_train_families(split):
    found = remembered(split, 18)
    fragments = [c.fragment_id for c in found]
    assert len({c.config_id for c in found}) == 18
    assert all(fragments.count(f) == 2 for f in fragments)
    owner = {f: t.family_id for t in split.train for f in t.graphs}
    assert {owner[f] for f in fragments} == {t.family_id for t in split.train}
    assert [c.config_id for c in remembered(split, 18)] == [c.config_id for c in found]


def test_replay_draws_from_all_of_meta_train_but_what_is_measured(split):
    kept = remembered(split, 6)
    everything = {c.config_id for c in split.train_configurations}
    names = {c.config_id for c in kept}
    assert {c.config_id for c in replayed(split, kept, 10**6, seed=0)} == everything - names
    few = [c.config_id for c in replayed(split, kept, 5, seed=1)]
    assert len(set(few)) == 5
    assert few != [c.config_id for c in replayed(split, kept, 5, seed=2)]


def test_a_cosine_starts_at_the_rate_and_would_end_at_zero():
    sizes = step_sizes(AdaptSettings(rate=2.0, decay="cosine"), 4)
    np.testing.assert_allclose(sizes, [2.0, 1 + np.sqrt(0.5), 1.0, 1 - np.sqrt(0.5)])
    np.testing.assert_array_equal(step_sizes(AdaptSettings(rate=2.0), 3), [2.0] * 3)
    assert step_sizes(AdaptSettings(decay="cosine"), 0).shape == (0,)
    with pytest.raises(UnknownNameError, match="none or cosine"):
        step_sizes(AdaptSettings(decay="linear"), 3)


def test_labels_are_read_off_between_two_sizes_in_logarithms():
    curve = {50: 8.0, 200: 4.0, 1000: 2.0, 5000: 1.0}
    needed = labels_needed(curve, np.sqrt(8.0 * 4.0))
    assert (needed.labels, needed.bound) == (pytest.approx(100.0), "=")
    assert labels_needed(curve, 2.0).labels == pytest.approx(1000.0)
    assert str(needed.over(50)) == "2"


def test_what_scratch_never_reaches_is_a_bound_and_so_is_what_the_fewest_labels_reach():
    curve = {50: 8.0, 5000: 1.0}
    assert str(labels_needed(curve, 0.5).over(50)) == "≥ 100"
    assert str(labels_needed(curve, 9.0)) == "≤ 50"
    bumpy = {50: 8.0, 200: 9.0, 1000: 2.0}
    assert 200 < labels_needed(bumpy, 7.0).labels < 1000


def test_meta_train_labels_are_earned_back_by_what_each_new_family_saves():
    curve = {50: 8.0, 200: 4.0}
    assert payback(labels_needed(curve, 4.0), 100, 1000) == "10"
    assert payback(labels_needed(curve, 1.0), 100, 1000) == "≤ 10"
    assert payback(labels_needed(curve, 8.0), 50, 1000) == "never"


def test_savings_over_families_say_how_many_are_bounds():
    curve = {50: 8.0, 5000: 1.0}
    found = [labels_needed(curve, error).over(50) for error in (1.0, 0.5, 9.0)]
    assert savings(found[1:]) == "≤ 1× to ≥ 100× (2 of 2 bounds)"
    assert savings(found[:1]) == "100× (0 of 1 bounds)"


def test_scratch_has_time_to_see_a_deep_pool_but_its_options_win():
    assert scratch_options({}, 50)["steps"] == 2000
    deep = scratch_options({"batch": 8}, 5000)
    assert deep["steps"] * 8 == 20 * 4000
    assert scratch_options({"steps": 7}, 5000)["steps"] == 7


def test_a_gap_of_equal_families_is_one_and_its_interval_holds_it():
    rng = np.random.default_rng(0)
    top, bottom = (
        {f"{name}{i}": float(np.exp(x)) for i, x in enumerate(rng.normal(size=40))} for name in "ab"
    )
    groups = {f: i for values in (top, bottom) for i, f in enumerate(values)}
    found = gap(top, groups, bottom, groups)
    assert found.lo < 1.0 < found.hi
    doubled = gap({f: 2 * v for f, v in top.items()}, groups, bottom, groups)
    assert doubled.value == pytest.approx(2 * found.value)
    assert doubled.lo > found.lo
    assert shown(gap({"a": 3.0}, {"a": 0}, {"b": 2.0}, {"b": 0})) == "1.50"


def test_a_subset_of_families_is_spread_over_all_of_them():
    names = [f"{i:02d}" for i in range(25)]
    assert spread(names, 5) == ["00", "05", "10", "15", "20"]
    assert spread(names[:3], 5) == names[:3]


def test_a_finished_unit_is_kept_and_one_of_something_else_is_refused(split, tmp_path):
    setting, calls = Setting(split), []

    def make():
        calls.append(1)
        return Content(groups={"a": 0}, values={"a": {"x": 1 / 3, "y": float("nan")}})

    unit = Measurement(setting.identity("steps", "constant", "one", {}, k=50), make)
    assert finish(unit, tmp_path)
    assert not finish(unit, tmp_path)
    assert len(calls) == 1
    (found,) = read_measured(tmp_path, "steps")
    assert found.content.values == {"a": {"x": 0.333333, "y": None}}
    assert found.identity.data_hash == split.manifest.data_hash
    other = Measurement(setting.identity("steps", "constant", "one", {"rate": 1.0}, k=50), make)
    with pytest.raises(ProtocolError, match="other options"):
        finish(other, tmp_path)


def test_what_is_missing_is_named(split, tmp_path):
    with pytest.raises(CheckpointError, match="mace-maml"):
        Setting(split, tmp_path).identity("steps", "maml", "one", {})
    (tmp_path / "tuning.json").write_text('{"synthetic/maml": {"rate": 1}}')
    with pytest.raises(DataError, match="chosen"):
        read_tuning(tmp_path / "tuning.json")
    (tmp_path / "chemistry~maml.json").write_text('{"chosen": {"rate": 1}}')
    assert read_tuning(tmp_path) == {"chemistry/maml": {"chosen": {"rate": 1}}}


def test_annealed_steps_are_the_same_in_both_backends_and_end_closer(split):
    """The same float32 network adapted with a decaying rate: PyTorch as JAX, and not as without decay."""
    pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    from mfbench.learned.architectures.mace import MaceConfig, initial_weights
    from mfbench.learned.training.sampling_order import adaptation_batches
    from mfbench.protocol.energy_baseline import fit_baseline
    from mfbench_jax import adaptation as in_jax
    from mfbench_jax.data import Dataset as JaxDataset
    from mfbench_torch import adaptation as in_torch
    from mfbench_torch.checkpoint import tensors
    from mfbench_torch.data import Dataset as TorchDataset

    config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
    weights = initial_weights(config, 0)
    support = split.train[0].support[:4]
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    indices, settings = adaptation_batches(4, 4, 4, seed=1), AdaptSettings("adam", 0.01, decay="cosine")
    with jax.enable_x64(False):
        made = [JaxDataset(support, config, baseline, corrected=True), indices, config]
        params = {k: jax.numpy.asarray(v) for k, v in weights.items()}
        there, _ = in_jax.descend(params, in_jax.start(params, settings), {}, *made, settings)
        constant = AdaptSettings("adam", 0.01)
        plain, _ = in_jax.descend(params, in_jax.start(params, constant), {}, *made, constant)
    start = tensors(weights)
    here, _ = in_torch.descend(
        start, in_torch.start(start, settings), {},
        TorchDataset(support, config, baseline, corrected=True), indices, config, settings,
    )  # fmt: skip

    def distance(one, other):
        return np.sqrt(sum(np.sum((np.asarray(one[k]) - np.asarray(other[k])) ** 2) for k in weights))

    moved = distance(there, weights)
    assert distance(here, there) < 0.02 * moved
    assert moved < 0.9 * distance(plain, weights)
