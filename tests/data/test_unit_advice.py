"""The checks of a split say in which unit its labels are, where it is not ours, and by what to multiply."""

from dataclasses import replace

import numpy as np
import pytest

import mfbench
from mfbench.audit.checks.check import Subject, run_check
from mfbench.audit.checks.geometry import lengths
from mfbench.audit.checks.labels import energies, forces
from mfbench.data.work_and_energy import work_and_energy

HARTREE, BOHR, KCAL = 27.211386245988, 0.529177210903, 23.060547830619026
ENERGY = {"kcal/mol": KCAL, "kJ/mol": 4.184 * KCAL, "Hartree": 1 / HARTREE, "Rydberg": 2 / HARTREE}
ENERGY |= {"meV": 1000.0, "cm⁻¹": 8065.544}
FORCE = {
    f"{e}/{x}": f * per
    for e, f in ({"eV": 1.0} | ENERGY).items()
    for x, per in {"Å": 1.0, "Bohr": BOHR, "nm": 10.0}.items()
    if (e, x) != ("eV", "Å")
}


@pytest.fixture(scope="module")
def cath():
    return mfbench.load_split("cath-mini")


def changed(split, change):
    roles = ("support", "query", "heldout", "larger")
    tasks = [
        replace(t, **{r: tuple(change(c) for c in getattr(t, r)) for r in roles}) for t in split.tasks[::6]
    ]
    return Subject(replace(split, tasks=tuple(tasks)), None)


def finding(check, subject):
    return run_check("it", lambda: check(subject)).finding


def test_forces_follow_energies_where_both_are_in_our_units(cath):
    work, energy = work_and_energy([c for t in cath.tasks for c in t.everything])
    assert work @ energy / (energy @ energy) == pytest.approx(1.0, abs=0.1)
    assert np.corrcoef(work, energy)[0, 1] > 0.95
    same = changed(cath, lambda c: c)
    assert all(run_check("it", lambda c=c: c(same)).passed for c in (lengths, energies, forces))


@pytest.mark.parametrize(("unit", "factor"), ENERGY.items(), ids=ENERGY)
def test_energies_in_another_unit(cath, unit, factor):
    subject = changed(cath, lambda c: c.with_label(factor * c.energy, c.forces))
    assert f"looks like {unit} (multiply by {1 / factor:.6g})" in finding(energies, subject)


@pytest.mark.parametrize(("unit", "factor"), FORCE.items(), ids=FORCE)
def test_forces_in_another_unit(cath, unit, factor):
    subject = changed(cath, lambda c: c.with_label(c.energy, factor * c.forces))
    check = run_check("forces", lambda: forces(subject))
    assert not check.passed
    assert f"{unit} (multiply by {1 / factor:.6g})" in check.finding
    assert check.finding.count(" or ") <= 2


@pytest.mark.parametrize(("unit", "factor"), [("Bohr", 1 / BOHR), ("nm", 0.1)])
def test_positions_in_another_unit(cath, unit, factor):
    subject = changed(cath, lambda c: replace(c, positions=factor * c.positions))
    assert f"looks like {unit} (multiply by {1 / factor:.6g})" in finding(lengths, subject)


def test_what_is_in_no_unit_gets_no_advice(cath):
    subject = changed(cath, lambda c: c.with_label(0.0, c.forces))
    assert "looks like" not in finding(energies, subject)
