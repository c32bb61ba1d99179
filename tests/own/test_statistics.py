"""Folds keep neighbours together, intervals cover what they promise, curves tell what labels bring."""

import numpy as np
import pytest

from mfbench.data.configuration import Configuration
from mfbench.errors import ProtocolError
from mfbench.own.folds import blocked_folds
from mfbench.own.learning_curve import fit_learning_curve
from mfbench.own.uncertainty import calibrate, conformal_quantile, coverage_of


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
    atoms = np.full(4000, 20.0)
    found = calibrate(errors[0], spread[0], atoms, errors[0], spread[0], 0.9)
    assert 0.88 < coverage_of(errors[1], found.forces_half_width(spread[1])) < 0.92
    assert 0.88 < coverage_of(errors[1], found.energy_half_width(spread[1], atoms)) < 0.92
    widths = found.forces_half_width(spread[1])
    assert np.corrcoef(widths, np.abs(errors[1]))[0, 1] > 0.4


def test_few_errors_give_the_largest_not_too_small_an_interval():
    assert conformal_quantile(np.array([1.0, 3.0, 2.0]), 0.9) == 3.0
    assert conformal_quantile(np.arange(1, 100), 0.9) == 90


def test_a_power_law_is_recovered_and_a_flat_curve_promises_nothing():
    curve = fit_learning_curve([10, 20, 40], [4.0, 2.0, 1.0])
    assert curve.doubling == pytest.approx(2.0)
    assert curve.error_at(80) == pytest.approx(0.5)
    assert fit_learning_curve([10, 20], [1.0, 1.2]).doubling == 1.0
