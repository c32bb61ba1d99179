"""Folds keep neighbours together, intervals cover what they promise, curves tell what labels bring."""

import numpy as np
import pytest

from mfbench.data.configuration import Configuration
from mfbench.errors import ProtocolError
from mfbench.own.folds import blocked_folds
from mfbench.own.independent import blocks_of, independent_count
from mfbench.own.learning_curve import fit_learning_curve
from mfbench.own.uncertainty import calibrate, conformal_quantile


def frames(groups):
    return [
        Configuration(np.array([1]), np.zeros((1, 3)), trajectory_id=g, graph_id="m")
        for g, n in groups
        for _ in range(n)
    ]


def test_whole_trajectories_are_dealt_out():
    data = frames([("a", 5), ("b", 5), ("c", 4), ("d", 6), ("e", 5)])
    folds = blocked_folds(data, 5)
    assert sorted(np.concatenate(folds)) == list(range(25))
    assert all(len({data[i].trajectory_id for i in fold}) == 1 for fold in folds)


def test_one_long_trajectory_is_cut_into_blocks_not_shuffled():
    folds = blocked_folds(frames([("", 23)]), 4)
    assert sorted(np.concatenate(folds)) == list(range(23))
    assert all(np.all(np.diff(fold) == 1) for fold in folds)
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


def test_too_few_labels_for_folds_is_an_error():
    with pytest.raises(ProtocolError, match="more labels"):
        blocked_folds(frames([("a", 3)]), 4)


def test_intervals_cover_what_they_promise_on_like_data():
    """Errors whose size follows the spread, with heavy tails; fitted on half, asked of the other."""
    rng = np.random.default_rng(0)
    spread = rng.gamma(2.0, 0.05, size=(2, 4000))
    errors = spread * rng.standard_t(4, size=(2, 4000)) * 1.7
    atoms = np.full(4000, 20)
    per_atom = np.repeat(spread[0], 60), np.repeat(errors[0], 60)
    found = calibrate(errors[0], spread[0], atoms, per_atom[1], per_atom[0], np.arange(4000))
    assert 0.88 < np.mean(abs(errors[1]) <= found.forces_half_width(spread[1])) < 0.92
    assert 0.88 < np.mean(abs(errors[1]) <= found.energy_half_width(spread[1], atoms)) < 0.92
    widths = found.forces_half_width(spread[1])
    assert np.corrcoef(widths, np.abs(errors[1]))[0, 1] > 0.4
    assert found.independent_energies == 4000
    assert found.independent_forces == pytest.approx(4000, rel=0.05)  # the sixty of a configuration are one


@pytest.mark.parametrize("shared", [0.0, 0.6, 0.9])
@pytest.mark.parametrize(("trajectories", "frames"), [(4, 6), (8, 3), (5, 10), (24, 1)])
def test_intervals_hold_on_new_trajectories_whose_frames_share_their_error(trajectories, frames, shared):
    """What 24 frames of four trajectories promise, a fifth must keep: on average over 600 files."""
    rng = np.random.default_rng(1)
    blocks = np.repeat(np.arange(trajectories), frames)
    inside, naive = [], []
    for _ in range(600):
        common = rng.normal(size=(trajectories + 4, 1)) * np.sqrt(shared)
        errors = abs(common + rng.normal(size=(trajectories + 4, frames)) * np.sqrt(1 - shared))
        seen = errors[:trajectories].ravel()
        width = conformal_quantile(seen, 0.9, independent_count(seen, blocks))
        inside.append(np.mean(errors[trajectories:] <= width))
        naive.append(np.mean(errors[trajectories:] <= conformal_quantile(seen, 0.9)))
    assert 0.89 < np.mean(inside) < 0.94
    if shared == 0.9 and trajectories < 6:
        assert np.mean(naive) < 0.88, "frames counted as if each told something new promise too much"


def test_frames_that_repeat_each_other_count_once():
    blocks = np.repeat(np.arange(10), 7)
    rng = np.random.default_rng(2)
    assert independent_count(np.repeat(rng.normal(size=10), 7), blocks) == pytest.approx(10)
    assert independent_count(rng.normal(size=70), np.arange(70)) == 70
    assert independent_count(rng.normal(size=70), np.zeros(70)) == 70  # one block tells nothing
    assert 40 < independent_count(rng.normal(size=70), blocks) <= 70


def test_blocks_are_trajectories_or_pieces_of_one():
    assert len(set(blocks_of(frames([("a", 5), ("b", 5), ("c", 4)])))) == 3
    pieces = blocks_of(frames([("", 25)]))
    assert len(set(pieces)) == 5
    assert np.all(np.diff(np.flatnonzero(pieces == pieces[0])) == 1)


def test_a_name_for_every_frame_tells_no_trajectories():
    """As where names are those of frames: neighbours stay on one side, and count as alike."""
    named, unnamed = frames([(f"frame-{i}", 1) for i in range(24)]), frames([("", 24)])
    np.testing.assert_array_equal(blocks_of(named), blocks_of(unnamed))
    for ours, theirs in zip(blocked_folds(named, 4), blocked_folds(unnamed, 4), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert np.all(np.diff(ours) == 1)


def test_few_errors_give_more_than_the_largest_of_them():
    """Three of four stay below the largest of three; 0.9 is 1.43 times as far for a normal error."""
    found = conformal_quantile(np.array([1.0, 3.0, 2.0]), 0.9)
    assert found == pytest.approx(3.0 * 1.6449 / 1.1503, rel=1e-3)
    assert conformal_quantile(np.arange(1.0, 10.0), 0.9) == 9
    assert conformal_quantile(np.arange(1.0, 100.0), 0.9) == 90
    assert conformal_quantile(np.arange(1.0, 100.0), 0.9, 9.0) == 99
    assert conformal_quantile(np.array([]), 0.9) == np.inf


def test_a_power_law_is_recovered_and_a_flat_curve_promises_nothing():
    curve = fit_learning_curve([10, 20, 40], [4.0, 2.0, 1.0])
    assert curve.doubling == pytest.approx(2.0)
    assert curve.error_at(80) == pytest.approx(0.5)
    assert fit_learning_curve([10, 20], [1.0, 1.2]).doubling == 1.0
