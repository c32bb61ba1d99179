"""Every level of theory: forces are minus the gradient, the frame does not matter, bad input is refused."""

import shutil

import numpy as np
import pytest

from mfbench.errors import UnknownNameError
from mfbench_tasks.labelling.level import LevelError, ScfFailure
from mfbench_tasks.labelling.mopac import Mopac
from mfbench_tasks.labelling.registry import LEVELS, find_level

METHANETHIOL = (
    [6, 16, 1, 1, 1, 1],
    np.array(
        [
            [-0.05, 1.16, 0.02],
            [-0.04, -0.67, -0.03],
            [1.28, -0.82, 0.10],
            [-1.06, 1.46, 0.05],
            [0.46, 1.53, 0.93],
            [0.43, 1.49, -0.88],
        ]
    ),
)
WATER = ([8, 1, 1], np.array([[0.0, 0.0, 0.12], [0.0, 0.78, -0.46], [0.05, -0.72, -0.50]]))
FAST = [name for name in LEVELS if name != "wb97x-d"]
PROGRAMS = {"pm7", "pm6", "am1", "rm1", "pm3", "mndo"}


def level_here(name):
    if name in PROGRAMS and not shutil.which("mopac"):
        pytest.skip("mopac is not installed")
    if name in ("gfn2", "gfn1", "ipea1"):
        pytest.importorskip("tblite")
    if name == "wb97x-d":
        pytest.importorskip("pyscf")
    return find_level(name)


def rotation(seed):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def along(engine, positions, direction, step):
    ahead, back = (engine.label(positions + s * direction).energy for s in (step, -step))
    return -(ahead - back) / (2 * step)


@pytest.mark.parametrize("name", FAST)
def test_forces_are_minus_the_gradient_of_the_energy(name):
    numbers, x = METHANETHIOL
    engine = level_here(name).engine(numbers)
    direction = np.random.default_rng(1).normal(size=x.shape)
    direction /= np.linalg.norm(direction)
    forces = engine.label(x).forces
    # eV/Å. MOPAC's gradients are of this accuracy, xTB's are ten times better.
    assert along(engine, x, direction, 0.002) == pytest.approx(np.sum(forces * direction), abs=3e-3)


@pytest.mark.parametrize("name", FAST)
def test_a_turned_molecule_has_turned_forces(name):
    numbers, x = METHANETHIOL
    turn = rotation(2)
    engine = level_here(name).engine(numbers)
    one, two = engine.label(x), engine.label(x @ turn.T)
    assert two.energy == pytest.approx(one.energy, abs=2e-5)
    np.testing.assert_allclose(two.forces, one.forces @ turn.T, atol=2e-3)


@pytest.mark.parametrize("name", ["gfn1", "pm7", "am1"])
def test_a_label_depends_on_the_geometry_alone(name):
    numbers, x = METHANETHIOL
    level = level_here(name)
    engine = level.engine(numbers)
    fresh = level.engine(numbers).label(x)
    engine.label(x + 0.1)
    engine.label(1.1 * x)
    assert engine.label(x).energy == pytest.approx(fresh.energy, abs=1e-9)


@pytest.mark.parametrize("name", ["gfn2", "ipea1", "pm7", "rm1"])
def test_taking_an_electron_away_costs_the_ionisation_energy_of_water(name):
    numbers, x = WATER
    level = level_here(name)
    gap = level.engine(numbers, 1, 1).label(x).energy - level.engine(numbers).label(x).energy
    # Experiment: 12.6 eV. GFN2's total energies overshoot ionisation by a known few eV.
    assert 9.0 < gap < 19.0


@pytest.mark.parametrize("name", ["pm7", "pm3", "mndo"])
def test_mopac_puts_isolated_atoms_at_their_measured_heats_of_formation(name):
    # kcal/mol at 298 K, the zero of these methods: H 52.1, C 170.9.
    level = level_here(name)
    atoms = {z: level.engine([z], 0, n).label(np.zeros((1, 3))).energy for z, n in ((1, 1), (6, 2))}
    assert atoms[1] / 0.0433641 == pytest.approx(52.1, abs=0.1)
    assert atoms[6] / 0.0433641 == pytest.approx(170.9, abs=0.2)


def test_gfn2_isolated_atoms_are_those_that_were_published_with_the_data():
    # Hartree; xtb 6.5.1 gives the same hydrogen atom.
    level = level_here("gfn2")
    assert level.engine([1], 0, 1).label(np.zeros((1, 3))).energy == pytest.approx(-11.68172, abs=1e-4)


def test_an_electron_count_that_does_not_fit_the_spin_is_refused():
    with pytest.raises(LevelError, match="10 electrons cannot have 1 unpaired"):
        find_level("gfn2").engine(*[WATER[0]], 0, 1)


def test_an_element_without_parameters_is_refused_by_name():
    with pytest.raises(LevelError, match="am1 has no parameters for Fe"):
        find_level("am1").engine([26, 8])


def test_a_missing_program_is_one_line_that_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(LevelError, match="apt install mopac"):
        Mopac("PM7", np.array([8, 1, 1]))


@pytest.mark.parametrize("name", ["gfn2", "pm7"])
def test_two_atoms_in_one_place_are_a_failure_that_has_a_type(name):
    engine = level_here(name).engine([6, 6, 1, 1])
    with pytest.raises(ScfFailure):
        engine.label(np.zeros((4, 3)))


def test_an_unknown_level_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="gfn2, gfn1"):
        find_level("b3lyp")


def test_any_ase_calculator_is_a_level():
    level = find_level("ase.calculators.emt:EMT")
    label = level.engine([29, 29]).label(np.array([[0.0, 0, 0], [0, 0, 2.3]]))
    assert label.forces[0, 2] == pytest.approx(-label.forces[1, 2])


def test_an_ase_calculator_that_is_not_there_is_one_line():
    with pytest.raises(LevelError, match="has no 'Nothing'"):
        find_level("ase.calculators.emt:Nothing")
