"""Errors of an episode against numbers worked out by hand."""

import numpy as np
import pytest

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.metrics.errors import COSTS, METRICS, episode_metrics, within_fragment

# Two fragments, two configurations each; fragment b is outside the stratum "seen".
N_ATOMS = np.array([2, 2, 1, 1])
FRAGMENTS = np.array(["a", "a", "b", "b"])
LABELS = np.array([1.0, 3.0, 10.0, 14.0])
ERRORS = np.array([0.1, 0.3, -0.2, -0.2])
SEEN = np.array([True, True, False, False])


@pytest.fixture
def found():
    forces = np.ones((6, 3))
    predicted = forces.copy()
    predicted[0, 0] += 0.6  # fragment a, 1 of 12 components
    predicted[5] -= 0.3  # fragment b, 3 of 6 components
    subsets = {"all": np.ones(4, bool), "seen": SEEN, "novel": np.zeros(4, bool)}
    return episode_metrics(LABELS + ERRORS, predicted, LABELS, forces, N_ATOMS, FRAGMENTS, subsets)


def test_energy_errors_in_kcal_mol(found):
    assert found["seen"]["energy_rmse"] == pytest.approx(np.sqrt(0.05) * EV_TO_KCAL_MOL)
    assert found["seen"]["energy_mae"] == pytest.approx(0.2 * EV_TO_KCAL_MOL)
    assert found["all"]["energy_rmse"] == pytest.approx(np.sqrt(0.18 / 4) * EV_TO_KCAL_MOL)


def test_within_fragment_removes_each_fragments_mean_error(found):
    # a: ±0.1 about its mean error of 0.2; b: both at its mean error.
    assert found["seen"]["energy_rmse_within"] == pytest.approx(0.1 * EV_TO_KCAL_MOL)
    assert found["all"]["energy_rmse_within"] == pytest.approx(np.sqrt(0.02 / 4) * EV_TO_KCAL_MOL)
    assert found["all"]["energy_mae_within"] == pytest.approx(0.05 * EV_TO_KCAL_MOL)


def test_per_atom_in_mev(found):
    assert found["seen"]["energy_rmse_per_atom"] == pytest.approx(np.sqrt((50**2 + 150**2) / 2))
    assert found["all"]["energy_mae_per_atom"] == pytest.approx((50 + 150 + 200 + 200) / 4)


def test_force_error_is_over_components_of_all_atoms(found):
    assert found["seen"]["force_rmse"] == pytest.approx(0.6 / np.sqrt(12) * EV_TO_KCAL_MOL)
    expected = np.sqrt((0.6**2 + 3 * 0.3**2) / 18) * EV_TO_KCAL_MOL
    assert found["all"]["force_rmse"] == pytest.approx(expected)
    assert found["all"]["force_mae"] == pytest.approx(1.5 / 18 * EV_TO_KCAL_MOL)


def test_skill_is_measured_against_each_fragments_mean_label(found):
    # Labels of a are ±1 about their mean: the reference is 1 eV.
    assert found["seen"]["energy_skill"] == pytest.approx(1 - np.sqrt(0.05))
    assert found["seen"]["energy_skill_within"] == pytest.approx(1 - 0.1)
    assert found["seen"]["force_skill"] == pytest.approx(1 - 0.6 / np.sqrt(12))


def test_an_empty_stratum_is_left_out_and_every_metric_is_declared(found):
    assert set(found) == {"all", "seen"}
    assert set(found["all"]) == set(METRICS)
    assert not set(METRICS) & set(COSTS)


def test_skill_without_a_reference_is_left_out():
    one = np.ones(1, bool)
    found = episode_metrics(
        np.array([1.0]), np.zeros((1, 3)), np.array([2.0]), np.zeros((1, 3)), np.array([1]),
        np.array(["a"]), {"all": one},
    )  # fmt: skip
    assert not {"energy_skill", "force_skill"} & set(found["all"])


def test_within_fragment_of_interleaved_fragments():
    values = within_fragment(np.array([1.0, 10.0, 3.0, 20.0]), np.array([0, 1, 0, 1]))
    assert values.tolist() == [-1, -5, 1, 5]
