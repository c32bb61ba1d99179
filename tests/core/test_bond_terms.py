"""Bond terms: forces are minus the gradient, and two harmonic laws are told apart by one molecule."""

import numpy as np
import pytest

from mfbench.data.configuration import Configuration
from mfbench.methods.bond_terms import fit_bond_terms

NUMBERS = np.array([6, 8, 1, 1, 1, 1], dtype=np.int32)
METHANOL = np.array(
    [
        [-0.047, 0.663, 0.0],
        [-0.047, -0.758, 0.0],
        [-1.093, 0.970, 0.0],
        [0.878, -1.048, 0.0],
        [0.437, 1.080, 0.891],
        [0.437, 1.080, -0.891],
    ]
)


def shaken(seed, scale=0.03):
    return METHANOL + np.random.default_rng(seed).normal(scale=scale, size=METHANOL.shape)


def stiffer_co(x):
    """A law that differs in the C-O bond alone: 20 eV/Å² about 1.40 Å."""
    along = x[0] - x[1]
    r = np.linalg.norm(along)
    forces = np.zeros_like(x)
    forces[0] = -20 * (r - 1.40) * along / r
    forces[1] = -forces[0]
    return forces


@pytest.fixture(scope="module")
def terms():
    support = [Configuration(NUMBERS, shaken(i)) for i in range(10)]
    return fit_bond_terms(support, [stiffer_co(c.positions) for c in support], ridge=1e-6)


def test_a_difference_in_one_bond_is_found_from_ten_configurations(terms):
    fresh = Configuration(NUMBERS, shaken(99))
    found = terms.predict([fresh])[0].forces
    np.testing.assert_allclose(found, stiffer_co(fresh.positions), atol=2e-3)


def test_its_forces_are_minus_the_gradient_of_its_energy(terms):
    x, direction = shaken(5), np.random.default_rng(6).normal(size=METHANOL.shape)
    ahead, back = (
        terms.predict([Configuration(NUMBERS, x + s * direction)])[0].energy for s in (1e-4, -1e-4)
    )
    forces = terms.predict([Configuration(NUMBERS, x)])[0].forces
    assert -(ahead - back) / 2e-4 == pytest.approx(np.sum(forces * direction), rel=1e-5)


def test_without_support_nothing_is_corrected():
    empty = fit_bond_terms([], [])
    found = empty.predict([Configuration(NUMBERS, METHANOL)])[0]
    assert found.energy == 0
    assert not found.forces.any()
