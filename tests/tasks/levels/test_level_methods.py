"""Levels of theory as methods."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tblite")

from ase import Atoms

import mfbench
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget
from mfbench.protocol.registry import load_method
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.levels.level_methods import LevelCalculator

NUMBERS = np.array([8, 1])
POSITIONS = np.array([[0.0, 0, 0], [0.97, 0, 0]])


def test_the_calculator_gives_the_labels_of_the_level_for_the_charge_and_the_spin():
    found = []
    for charge, unpaired in ((-1, 0), (0, 1)):
        atoms = Atoms(numbers=NUMBERS, positions=POSITIONS)
        atoms.info.update(charge=charge, spin=unpaired + 1)
        atoms.calc = LevelCalculator(find_level("gfn1"))
        label = find_level("gfn1").engine(NUMBERS, charge, unpaired).label(POSITIONS)
        assert atoms.get_potential_energy() == pytest.approx(label.energy, abs=1e-9)
        assert np.allclose(atoms.get_forces(), label.forces, atol=1e-9)
        found.append(label.energy)
    assert abs(found[0] - found[1]) > 0.1


def test_a_label_is_computed_once(monkeypatch):
    level = find_level("gfn2")
    calculator, calls = LevelCalculator(level), []
    made = type(level).engine
    monkeypatch.setattr(type(level), "engine", lambda *a: calls.append(1) or made(*a))
    for _ in range(3):
        atoms = Atoms(numbers=NUMBERS, positions=POSITIONS, info={"charge": -1, "spin": 1})
        atoms.calc = calculator
        atoms.get_forces()
        calculator.calculate(Atoms("H", info={"spin": 2}))
    assert len(calls) == 2


def test_gfn2_is_exact_where_it_made_the_labels():
    split = mfbench.load_split("cath-mini")
    few = replace(split.train[0], support=split.train[0].support[:5], query=(), heldout=())
    known = replace(split, tasks=(few, split.test[0]))
    predictor = load_method("gfn2", MethodContext(known)).adapt([], budget=Budget(), seed=0)
    query = split.test[0].query[:2]
    for c, p in zip(query, predictor.predict([c.blind() for c in query]), strict=True):
        assert np.allclose(p.forces, c.forces, atol=1e-3)
        assert p.energy == pytest.approx(c.energy, abs=1e-2)
