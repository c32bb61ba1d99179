"""ASE calculators as they come: each episode judged on its own, what fails said in words."""

import numpy as np
import pytest

import mfbench
from mfbench.data.configuration import Configuration
from mfbench.errors import PredictionError, UnknownNameError
from mfbench.methods.ase_calculation import calculate

ase_calculator = pytest.importorskip("ase.calculators.calculator")

WATER = Configuration(np.array([8, 1, 1]), np.array([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]))


class Sum(ase_calculator.Calculator):
    """Energy: the sum of x; forces: minus one along x. Every test changes one habit of it."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        energy = float(atoms.positions[:, 0].sum())
        self.results = self.says(energy, np.tile([-1.0, 0, 0], (len(atoms), 1)))

    def says(self, energy, forces):
        return {"energy": energy, "forces": forces}


class OneElementArrays(Sum):
    def says(self, energy, forces):
        return {"energy": np.array([energy]), "forces": forces[None]}


class Float32(Sum):
    def says(self, energy, forces):
        return {"energy": np.float32(energy), "forces": forces.astype(np.float32)}


class FreeEnergyAlone(Sum):
    implemented_properties = ("free_energy", "forces")

    def says(self, energy, forces):
        return {"free_energy": energy, "forces": forces}


class BothEnergies(Sum):
    implemented_properties = ("energy", "free_energy", "forces")

    def says(self, energy, forces):
        return {"energy": energy, "free_energy": energy - 7, "forces": forces}


class Shifts(Sum):
    """A program that puts the molecule in the middle of its box."""

    def says(self, energy, forces):
        self.calculation.positions += 5.0
        return {"energy": energy, "forces": forces}

    def get_property(self, name, atoms=None, allow_calculation=True):
        self.calculation = atoms
        return super().get_property(name, atoms, allow_calculation)


@pytest.mark.parametrize(
    "kind",
    [Sum, OneElementArrays, Float32, FreeEnergyAlone, BothEnergies, Shifts],
    ids=lambda k: k.__name__,
)
def test_numbers_are_taken_from_whatever_they_are_wrapped_in(kind):
    found = calculate(kind(), WATER)
    assert found.energy == pytest.approx(0.72, abs=1e-6)
    assert isinstance(found.energy, float)
    assert found.forces.dtype == np.float64
    assert np.array_equal(found.forces, np.tile([-1.0, 0, 0], (3, 1)))


class Moves(Shifts):
    def says(self, energy, forces):
        self.calculation.positions[1] += 0.1
        return {"energy": energy, "forces": forces}


class Reorders(Shifts):
    def says(self, energy, forces):
        self.calculation.numbers[:] = self.calculation.numbers[::-1]
        return {"energy": energy, "forces": forces}


class NoForces(Sum):
    implemented_properties = ("energy",)


class ForcesAreNone(Sum):
    def says(self, energy, forces):
        return {"energy": energy, "forces": None}


class NotFinite(Sum):
    def says(self, energy, forces):
        return {"energy": float("nan"), "forces": forces}


class TooFewForces(Sum):
    def says(self, energy, forces):
        return {"energy": energy, "forces": forces[1:]}


class EnergyPerAtom(Sum):
    def says(self, energy, forces):
        return {"energy": np.full(len(forces), energy), "forces": forces}


class Words(Sum):
    def says(self, energy, forces):
        return {"energy": "low", "forces": forces}


class NeedsACell(Sum):
    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        np.linalg.inv(atoms.cell.array)
        super().calculate(atoms, properties, system_changes)


class Exits(Sum):
    def says(self, energy, forces):
        raise SystemExit("licence expired")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Moves, "moved its atoms"),
        (Reorders, "changed the order"),
        (NoForces, "gives no .*forces"),
        (ForcesAreNone, "gives no .*forces"),
        (NotFinite, "not finite"),
        (TooFewForces, r"shape \(2, 3\), not \(3, 3\)"),
        (EnergyPerAtom, r"energy has shape \(3,\)"),
        (Words, "no numbers"),
        (NeedsACell, "vacuum=10"),
        (Exits, "licence expired"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_what_is_no_prediction_is_said_in_words(kind, says):
    with pytest.raises(PredictionError, match=rf"{kind.__name__} on H2O: .*{says}") as caught:
        calculate(kind(), WATER)
    assert "\n" not in str(caught.value)


def test_a_cell_is_given_where_one_is_asked_for():
    found = calculate(NeedsACell(), WATER, vacuum=10.0)
    assert found.forces.shape == (3, 3)


class NoSulfur(Sum):
    def says(self, energy, forces):
        if 16 in self.atoms.numbers:
            raise KeyError("no parameters for sulfur")
        return {"energy": energy, "forces": forces}


def test_only_episodes_with_the_missing_element_fail():
    split = mfbench.load_split("cath-mini")

    def has_sulfur(configurations):
        return any(16 in c.atomic_numbers for c in configurations)

    asked = {t.family_id: has_sulfur([*t.query, *t.heldout]) for t in split.test}
    chosen = [next(n for n, found in asked.items() if found is wanted) for wanted in (True, False)]
    method = mfbench.from_ase(NoSulfur(), split=split)
    results = mfbench.evaluate(method, split, ks=[0, 5], draws=1, families=chosen)
    tasks = {t.family_id: t for t in split.test}
    for row in results.episodes:
        task = tasks[row.family_id]
        support = [task.support[i] for i in task.draws[row.draw, : row.k]]
        assert (row.failure is not None) == (asked[row.family_id] or has_sulfur(support))
        assert row.failure is None or "no parameters for sulfur" in row.failure
    reference = results.run["card"]["reference"]
    assert reference["left_out"] > 0
    assert reference["configurations"] > 100
    assert "no parameters" in reference["reason"]


def test_a_calculator_that_can_do_nothing_fails_every_episode_in_words(split):
    results = mfbench.evaluate(mfbench.from_ase(NoForces(), split=split), split, ks=[0], draws=1)
    assert len(results.failures) == len(split.test)
    assert all("no meta-train configuration" in row.failure for row in results.failures)


def test_a_name_works_wherever_a_split_does():
    named = mfbench.from_ase(Sum(), split="cath-mini")
    loaded = mfbench.load_split("cath-mini")
    assert named.split.manifest.data_hash == loaded.manifest.data_hash
    with pytest.raises(UnknownNameError, match="no-such"):
        mfbench.from_ase(Sum(), split="no-such")
    task = loaded.test[0]
    one = mfbench.draw_episode("cath-mini", task.family_id, 5, 0)
    two = mfbench.draw_episode(loaded, task, 5, 0)
    assert [c.config_id for c in one.support] == [c.config_id for c in two.support]
    with pytest.raises(UnknownNameError, match=r"no family '9\.9\.9'"):
        mfbench.draw_episode(loaded, "9.9.9", 5, 0)
