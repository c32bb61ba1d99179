"""The embedded split: what its roles, draws, folds and labels promise."""

import numpy as np
import pytest

import mfbench
from mfbench.graph import graph_id
from mfbench.tables import FORCE_GRID, POSITION_GRID, read_table, round_to_grid


@pytest.fixture(scope="module")
def split():
    return mfbench.load_split("cath-mini")


def configurations(task):
    return [*task.support, *task.query, *task.heldout]


def test_it_is_small_and_has_enough_families_of_every_class(split):
    folder = mfbench.split.EMBEDDED / "cath-mini"
    assert sum(p.stat().st_size for p in folder.iterdir()) <= 2.5 * 2**20
    assert len(split.train) >= 10
    assert len(split.validation) >= 4
    assert len(split.test) >= 6
    classes = {"mainly-alpha", "mainly-beta", "alpha-beta", "few-ss", "membrane"}
    for fold in (split.train, split.test):
        assert {task.stratum for task in fold} == classes


def test_no_family_entry_or_cluster_is_in_two_folds(split):
    table = read_table(mfbench.split.EMBEDDED / "cath-mini" / "families.parquet").to_pylist()
    owner: dict[str, str] = {}
    for row in table:
        entries = {name.split("_")[0] for name in row["proteins"]}
        for key in (row["family_id"], *entries, *(f"cluster {c}" for c in row["cluster30"])):
            assert owner.setdefault(key, row["fold"]) == row["fold"]


def test_roles_have_their_sizes_and_sampler_shares(split):
    for task in split.tasks:
        assert len(task.support) >= 200
        pool = {c.fragment_id for c in task.support}
        heldout = {c.fragment_id for c in task.heldout}
        assert len(pool) == 6
        assert len(heldout) == 3
        assert {c.fragment_id for c in task.query} == pool
        assert not pool & heldout
        for role in (task.query, task.heldout):
            assert min(np.unique([c.fragment_id for c in role], return_counts=True)[1]) >= 15
        for role in (task.support, task.query, task.heldout):
            assert np.mean([c.sampler == "md" for c in role]) >= 0.5
        assert not {c.trajectory_id for c in task.support} & {c.trajectory_id for c in task.query}


def test_every_configuration_keeps_its_fragments_bonds_and_all_graphs_of_a_family_differ(split):
    for task in split.tasks:
        assert len(set(task.graphs.values())) == len(task.graphs) == 9
        for c in configurations(task):
            name = graph_id(c.atomic_numbers, c.positions, c.total_charge, c.n_unpaired)
            assert name == task.graphs[c.fragment_id]


def test_elements_charges_and_labels_are_in_bounds(split):
    known = {int(z) for c in split.train_configurations for z in np.unique(c.atomic_numbers)}
    for task in split.tasks:
        for c in configurations(task):
            assert {int(z) for z in np.unique(c.atomic_numbers)} <= known
            assert abs(c.total_charge) <= 1
            assert np.abs(c.forces).max() <= 15.0
            assert np.array_equal(c.positions, round_to_grid(c.positions, POSITION_GRID))
            assert np.array_equal(c.forces, round_to_grid(c.forces, FORCE_GRID))
        for name in task.graphs:
            energies = [c.energy for c in configurations(task) if c.fragment_id == name]
            assert 0.1 < np.std(energies) < 1.0


def test_draws_are_nested_distinct_and_spread_over_fragments(split):
    for task in split.tasks:
        assert task.draws.shape == (5, 100)
        assert len({tuple(row) for row in task.draws}) == 5
        for row in task.draws:
            assert len(set(row.tolist())) == 100
            for k in (5, 10, 20, 50, 100):
                names = [task.support[i].fragment_id for i in row[:k]]
                counts = [names.count(f) for f in {c.fragment_id for c in task.support}]
                assert max(counts) - min(counts) <= 1


def test_test_families_hold_molecules_that_training_never_saw(split):
    graphs = [g for task in split.test for g in task.graphs.values()]
    assert np.mean([g not in split.train_graphs for g in graphs]) > 0.25
    assert all(set(task.graphs.values()) - split.train_graphs for task in split.test)


def test_there_are_no_near_twins(split):
    pytest.importorskip("tblite")
    from mfbench_tasks.twins import NEAR_TWIN, twin_statistics

    found = twin_statistics(
        [c for task in split.tasks for c in task.support],
        [c for task in split.tasks for c in task.query],
    )
    assert found["closest_support_query_A"] >= NEAR_TWIN
    assert found["ratio"] >= 0.9


def test_fresh_labels_agree_with_stored_ones(split):
    pytest.importorskip("tblite")
    from mfbench_tasks.relabel import relabel

    everything = [c for task in split.tasks for c in configurations(task)]
    agreement = relabel(everything, 5, seed=7)
    assert agreement.checked == 5
    assert agreement.ok, agreement
    wrong = [c.with_label(c.energy + 1e-3, c.forces) for c in everything[:1]]
    assert not relabel(wrong, 1).ok


def test_isolated_atoms_are_those_of_the_level_of_theory(split):
    pytest.importorskip("tblite")
    from mfbench_tasks.assemble import isolated_atoms

    fresh = isolated_atoms([1, 6, 7, 8, 16])
    for number, energy in split.isolated_atom_energies.items():
        assert energy == pytest.approx(fresh[str(number)], abs=1e-5)
