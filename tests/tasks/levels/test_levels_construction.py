"""``levels`` as it is committed: what train, validation and test may know of one another."""

import numpy as np
import pytest

from mfbench.data.levels import EnergyShift
from mfbench.data.split import load_split
from mfbench_tasks.levels.dft_tasks import DftRule, choose_families, choose_queue
from mfbench_tasks.levels.energy_shifts import mean_beyond_atoms, shift_by_atoms, shift_by_fit


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


def test_an_unseen_level_gets_its_atoms_and_what_fits_add_on_average():
    atoms = EnergyShift(elements={1: 1.0, 6: 10.0})
    fit = EnergyShift(elements={1: 1.5, 6: 10.0}, anion=-4.0)
    found = mean_beyond_atoms([(fit, atoms), (atoms, atoms)], EnergyShift(elements={1: 2.0, 6: 20.0}))
    assert found.elements == {1: 2.25, 6: 20.0}
    assert found.anion == -2.0
