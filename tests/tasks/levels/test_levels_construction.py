"""``levels`` as it is committed: what train, validation and test may know of one another."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mfbench.data.bond_types import bond_types
from mfbench.data.levels import EnergyShift
from mfbench.data.manifest import data_hash
from mfbench.data.split import load_split
from mfbench.errors import DataError
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.levels.dft_tasks import DftRule, choose_families, choose_queue
from mfbench_tasks.levels.energy_shifts import shift_by_atoms, shift_by_fit, shift_by_molecules
from mfbench_tasks.levels.reference_molecules import read_reference_molecules

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def mini():
    return load_split("levels-mini")


@pytest.fixture(scope="module")
def cath():
    return load_split("cath", verify=False)


def test_no_level_serves_two_folds(mini):
    levels = {fold: {t.level for t in mini.fold(fold)} for fold in ("train", "validation", "test")}
    assert not levels["train"] & levels["validation"]
    assert not (levels["train"] | levels["validation"]) & levels["test"]


def test_no_family_serves_two_folds(mini):
    families = {fold: {t.family for t in mini.fold(fold)} for fold in ("train", "validation", "test")}
    assert not families["train"] & families["test"]
    assert not families["train"] & families["validation"]
    assert not families["validation"] & families["test"]


def test_tasks_of_one_family_contradict_each_other_on_the_same_geometries(mini):
    by_family = {}
    for task in mini.train:
        by_family.setdefault(task.family, []).append(task)
    for tasks in by_family.values():
        one, two = tasks[0].support[0], tasks[1].support[0]
        assert one.config_id == two.config_id
        np.testing.assert_array_equal(one.positions, two.positions)
        assert np.sqrt(np.mean((one.forces - two.forces) ** 2)) > 0.05  # eV/Å


def test_draws_of_a_family_are_the_same_at_every_level(mini):
    first = {}
    for task in mini.train:
        names = [task.support[i].config_id for i in task.draws[0]]
        assert first.setdefault(task.family, names) == names


def test_energies_of_train_levels_lie_on_one_scale(mini):
    # Within 0.5 eV on average, where raw zeros are hundreds of eV apart.
    reference = {c.config_id: c.energy for t in mini.train if t.level == "gfn2" for c in t.support}
    for task in mini.train:
        gaps = [c.energy - reference[c.config_id] for c in task.support if c.config_id in reference]
        assert abs(np.mean(gaps)) < 1.5


def test_one_level_of_the_split_is_loaded_by_its_name():
    at = load_split("levels-mini", level="pm7")
    assert {t.level for t in at.tasks} == {"pm7"}


def test_the_dft_queue_keeps_roles_and_asks_for_a_third_of_the_query_on_unseen_fragments(cath):
    rule = DftRule()
    families = choose_families(cath, rule)
    assert len(families) == rule.families + rule.spare
    roles = {
        t.family_id: {c.config_id: r for r in ("support", "query", "heldout") for c in getattr(t, r)}
        for t in cath.test
    }
    queue = choose_queue(cath, rule)
    assert all(roles[row.family_id][row.config_id] == row.role for row in queue)
    planned = list(families)[: rule.families]
    for family in planned:
        rows = [r for r in queue if r.family_id == family and r.phase <= 2]
        count = {role: sum(r.role == role for r in rows) for role in ("support", "query", "heldout")}
        assert count == {"support": 40, "query": 28, "heldout": 14}


def test_a_level_that_differs_by_element_and_charge_is_shifted_exactly(mini):
    configurations = [c for t in mini.train if t.level == "gfn2" for c in t.support]
    true = EnergyShift(elements={z: 0.1 * z for z in range(1, 20)}, anion=2.0, cation=-1.0)
    labels = {c.config_id: (c.energy - true.of(c), c.forces) for c in configurations}
    start = shift_by_atoms({z: 0.0 for z in range(1, 20)}, {z: 0.0 for z in range(1, 20)})
    found = shift_by_fit(configurations, labels, start)
    gaps = [found.of(c) - true.of(c) for c in configurations]
    assert np.abs(gaps).max() < 0.1


@pytest.fixture(scope="module")
def reference():
    return read_reference_molecules(ROOT / "tasks" / "recipes" / "reference-molecules.xyz")


def test_reference_molecules_find_a_level_that_differs_per_bond(reference, mini):
    """The molecules were never in a task; what they say of bonds and charges holds in every task."""
    molecules = reference.molecules
    level = EnergyShift(
        elements={1: 0.3, 6: -40.0, 7: 2.0, 8: 5.0, 16: -1.0},
        anion=0.5,
        cation=-0.4,
        bonds={"C3-O1": 0.2, "C3-N3": -0.15, "H1-N3": 0.1},
    )
    energies = np.array(reference.energies["gfn2"])
    at_level = energies - [level.of(c) for c in molecules]
    start = EnergyShift(elements={z: 0.0 for z in (1, 6, 7, 8, 16)})
    found = shift_by_molecules(molecules, energies, at_level, start)
    tasks = [c for t in mini.validation for c in t.support]
    gaps = [found.of(c) - level.of(c) for c in tasks]
    without = found.model_copy(update={"bonds": {}})
    others = [without.of(c) - level.of(c) for c in tasks]
    assert np.sqrt(np.mean(np.square(gaps))) < 0.1 < 0.5 * np.sqrt(np.mean(np.square(others))) + 0.01


def test_every_kind_of_bond_in_test_tasks_occurs_in_a_reference_molecule(reference, mini):
    known = {kind for c in reference.molecules for kind in bond_types(c)}
    assert {kind for t in mini.test for c in t.support for kind in bond_types(c)} <= known


def test_the_energies_of_reference_molecules_are_those_of_the_level(reference):
    for level in ("gfn2", "gfn1"):
        for i in (0, 10, 21):
            c = reference.molecules[i]
            label = find_level(level).engine(c.atomic_numbers, c.total_charge).label(c.positions)
            assert reference.energies[level][i] == pytest.approx(label.energy, abs=1e-5)


def test_reference_molecules_without_energies_are_refused_in_a_line(tmp_path, reference):
    for name in ("reference-molecules.xyz", "reference-molecules.json"):
        shutil.copy(ROOT / "tasks" / "recipes" / name, tmp_path)
    record = tmp_path / "reference-molecules.json"
    record.write_text('{"gfn2": [1.0]}')
    with pytest.raises(DataError, match="1 energies at gfn2"):
        read_reference_molecules(tmp_path / "reference-molecules.xyz")
    record.unlink()
    with pytest.raises(DataError, match="is missing: python -m"):
        read_reference_molecules(tmp_path / "reference-molecules.xyz")


def test_the_data_hash_covers_what_is_added_to_energies(mini):
    shifts = mini.manifest.energy_shifts
    moved = shifts["rm1"].model_copy(update={"anion": shifts["rm1"].anion + 1e-6})
    assert data_hash(mini.manifest.files, shifts) == mini.manifest.data_hash
    assert data_hash(mini.manifest.files, {**shifts, "rm1": moved}) != mini.manifest.data_hash
