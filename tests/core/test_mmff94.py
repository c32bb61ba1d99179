"""The classical force field as a method: derivatives, charges, what it refuses."""

import numpy as np
import pytest

import mfbench
from mfbench.errors import PredictionError
from mfbench.methods.mmff94 import mmff94_energy_forces
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget

pytest.importorskip("rdkit")
pytest.importorskip("ase")


@pytest.fixture(scope="module")
def anion():
    query = [c for task in mfbench.load_split("cath-mini").test for c in task.query]
    return next(c for c in query if c.total_charge == -1)


def test_forces_are_minus_the_slope_of_the_energy(anion):
    rng, step = np.random.default_rng(0), 1e-5
    _, forces = mmff94_energy_forces(anion.atomic_numbers, anion.positions, -1)
    direction = rng.normal(size=forces.shape)
    ends = [
        mmff94_energy_forces(anion.atomic_numbers, anion.positions + s * step * direction, -1)[0]
        for s in (-1, 1)
    ]
    assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(-np.sum(forces * direction), rel=1e-5)


def test_it_knows_about_bonds_and_charges(anion):
    """Half of the forces' spread is explained without any fit: zero forces would leave all of it."""
    _, forces = mmff94_energy_forces(anion.atomic_numbers, anion.positions, -1)
    assert np.sqrt(np.mean((forces - anion.forces) ** 2)) < 0.8 * np.sqrt(np.mean(anion.forces**2))


@pytest.mark.parametrize(
    ("numbers", "charge", "says"),
    [([26, 8, 1], 0, "no parameters|no bond orders"), ([8, 1, 1], 3, "no bond orders|no parameters")],
)
def test_what_it_has_no_parameters_for_is_refused(numbers, charge, says):
    positions = np.array([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    with pytest.raises(PredictionError, match=says):
        mmff94_energy_forces(np.array(numbers), positions, charge)


def test_the_registry_makes_it_and_its_energies_are_on_the_scale_of_the_split():
    split = mfbench.load_split("levels-mini")
    predictor = load_method("mmff94", MethodContext(split)).adapt([], budget=Budget(), seed=0)
    query = split.test[0].query[:4]
    made = predictor.predict([c.blind() for c in query])
    assert max(abs(p.energy - c.energy) for p, c in zip(made, query, strict=True)) < 10
