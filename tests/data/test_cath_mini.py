"""The embedded split: what its roles, draws, folds and labels promise, and that its recipe makes it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import mfbench
from mfbench.audit.near_duplicates import NEAR_TWIN, nearest, twin_statistics
from mfbench.data.molecular_graph import graph_id
from mfbench.data.parquet import FORCE_GRID, POSITION_GRID, read_table, round_to_grid
from mfbench.protocol.energy_baseline import fit_baseline

FOLDER = mfbench.data.split.EMBEDDED / "cath-mini"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def split():
    return mfbench.load_split("cath-mini")


@pytest.fixture(scope="module")
def families():
    return read_table(FOLDER / "families.parquet").to_pylist()


@pytest.fixture(scope="module")
def fragments():
    return {row["fragment_id"]: row for row in read_table(FOLDER / "fragments.parquet").to_pylist()}


def configurations(task):
    return [*task.support, *task.query, *task.heldout]


def test_it_is_small_and_has_enough_families_of_every_class(split):
    assert sum(p.stat().st_size for p in FOLDER.iterdir()) <= 2.5 * 2**20
    assert len(split.train) >= 10
    assert len(split.validation) >= 4
    assert len(split.test) >= 6
    classes = {"mainly-alpha", "mainly-beta", "alpha-beta", "few-ss", "membrane"}
    for fold in (split.train, split.test):
        assert {task.stratum for task in fold} == classes


def test_no_topology_entry_or_cluster_is_in_two_folds(families, fragments):
    owner: dict[str, str] = {}
    for row in families:
        entries = {name.split("_")[0] for name in row["proteins"]}
        assert len(row["proteins"]) == len(row["cluster30"]) == len(set(row["cluster30"]))
        # Provenance: every fragment comes from a protein that its family lists.
        for name in (*row["pool_fragments"], *row["heldout_fragments"]):
            assert f"{fragments[name]['pdb_id']}_{fragments[name]['chain']}" in row["proteins"]
        topology = row["family_id"].removeprefix("membrane.")
        for key in (f"topology {topology}", *entries, *(f"cluster {c}" for c in row["cluster30"])):
            assert owner.setdefault(key, row["fold"]) == row["fold"], key


def test_held_out_fragments_come_from_another_protein(families, fragments):
    assert all(len(row["proteins"]) >= 2 for row in families if row["fold"] == "test")
    for row in families:
        if len(row["proteins"]) > 1:
            pool, heldout = (
                {fragments[name]["pdb_id"] for name in row[f"{part}_fragments"]}
                for part in ("pool", "heldout")
            )
            assert not pool & heldout


def test_roles_have_their_sizes_and_the_same_sampler_shares_in_every_family(split):
    everywhere = set()
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
        shares = [
            [sum(c.sampler == sampler for c in role) for sampler in ("md", "displaced")]
            for role in (task.support, task.query, task.heldout)
        ]
        assert all(md >= displaced for md, displaced in shares)
        everywhere.add(str(shares))
    assert len(everywhere) == 1


def test_no_trajectory_serves_two_roles_or_two_families(split):
    owner: dict[str, tuple[str, str]] = {}
    for task in split.tasks:
        for role in ("support", "query", "heldout"):
            for c in getattr(task, role):
                assert c.trajectory_id.startswith(f"{c.fragment_id}/")
                assert owner.setdefault(c.trajectory_id, (task.family_id, role)) == (task.family_id, role)


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
            assert np.ptp(energies) < 5.5  # 4 eV above the relaxed energy at most, 1.5 below


def test_energies_are_total_energies_on_the_scale_of_isolated_atoms(split):
    atoms = split.isolated_atom_energies
    for task in split.tasks:
        for c in configurations(task):
            binding = sum(atoms[int(z)] for z in c.atomic_numbers) - c.energy
            assert 2.0 < binding / len(c) < 6.5, c.config_id  # eV per atom, as of organic molecules


def test_composition_explains_energies_so_one_scale_and_one_charge_convention_hold(split):
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    for task in split.test:
        found = configurations(task)
        residual = np.array([c.energy for c in found]) - baseline.energies(found)
        assert np.abs(residual / [len(c) for c in found]).max() < 0.2


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
    found = twin_statistics(
        [c for task in split.tasks for c in task.support],
        [c for task in split.tasks for c in task.query],
    )
    assert found["closest_support_query_A"] >= NEAR_TWIN
    assert found["ratio"] >= 0.9


def test_fresh_labels_agree_with_stored_ones(split):
    pytest.importorskip("tblite")
    from mfbench_tasks.labelling.relabel import relabel

    everything = [c for task in split.tasks for c in configurations(task)]
    agreement = relabel(everything, 5, seed=7)
    assert agreement.checked == 5
    assert agreement.ok, agreement
    wrong = [c.with_label(c.energy + 1e-3, c.forces) for c in everything[:1]]
    assert not relabel(wrong, 1).ok


def test_isolated_atoms_are_those_of_the_level_of_theory(split):
    pytest.importorskip("tblite")
    from mfbench_tasks.build.assemble import isolated_atoms

    fresh = isolated_atoms([1, 6, 7, 8, 16])
    for number, energy in split.isolated_atom_energies.items():
        assert energy == pytest.approx(fresh[str(number)], abs=1e-5)


def test_no_asked_configuration_is_a_near_twin_of_one_seen_in_training(split):
    """The same molecule may occur in two folds; the same geometry may not."""

    def by_molecule(tasks, *roles):
        found = {}
        for task in tasks:
            for c in (c for role in roles for c in getattr(task, role)):
                key = (task.graphs[c.fragment_id], tuple(c.atomic_numbers))
                found.setdefault(key, []).append(c.positions)
        return found

    seen = by_molecule(split.train, "support", "query", "heldout")
    asked = by_molecule((*split.validation, *split.test), "query", "heldout")
    both = seen.keys() & asked.keys()
    assert both
    for molecule in both:
        assert nearest(np.array(asked[molecule]), np.array(seen[molecule])).min() >= NEAR_TWIN


real = pytest.mark.skipif("MFBENCH_STRUCTURES" not in os.environ, reason="needs real entries")
REBUILT = ("2.40.50", "4.10.170")
"""Small proteins: their plans are quick."""


@pytest.fixture(scope="module")
def recipe():
    pytest.importorskip("tblite")
    from mfbench_tasks.recipes.recipe import load_recipe

    return load_recipe(ROOT / "tasks" / "recipes" / "cath-mini.yaml")


@pytest.fixture(scope="module")
def jobs(recipe):
    """Jobs of the families in REBUILT, planned afresh from their entries."""
    from mfbench_tasks.build.candidates import family_jobs
    from mfbench_tasks.families.cath import choose_families

    folder = Path(os.environ["MFBENCH_STRUCTURES"])
    found = choose_families(folder, recipe.families, recipe.plan)
    wanted = [f for f in found if f.family_id in REBUILT]
    return {f.family_id: family_jobs(f, recipe.plan, folder, recipe.seed) for f in wanted}


@real
def test_recipe_and_entries_give_the_committed_fragments(recipe, jobs, families):
    from mfbench_tasks.fragments.fragment_id import fragment_id

    report = json.loads((ROOT / "tasks" / "reports" / "cath-mini" / "build_report.json").read_text())
    rejected = {row["fragment"] for row in report["rejections"]}
    committed = {row["family_id"]: row for row in families}
    for family, planned in jobs.items():
        names = [
            [fragment_id(c.pdb_id, c.kind, c.residues, family) for c in job.candidates] for job in planned
        ]
        first = [next(name for name in found if name not in rejected) for found in names]
        row = committed[family]
        assert first == [*row["pool_fragments"], *row["heldout_fragments"]]


@real
def test_a_job_run_again_gives_the_committed_configurations(recipe, jobs, split):
    """On the machine and with the libraries of the build it gives the same bits: set MFBENCH_SAME_BITS
    there. Elsewhere rounding differs in the last digit and molecular dynamics amplifies it."""
    from mfbench_tasks.labelling.relabel import ENERGY_TOLERANCE, FORCE_TOLERANCE

    job = min((s for s in jobs["4.10.170"] if s.heldout), key=lambda s: len(s.candidates[0]))
    labelled = job.run(recipe).labelled
    heldout = (c for task in split.tasks for c in task.heldout)
    stored = [c for c in heldout if c.fragment_id == labelled.fragment_id]
    assert stored
    for fresh, old in zip(labelled.configurations, stored, strict=True):
        assert fresh.config_id == old.config_id
        assert (fresh.temperature_K, fresh.sampler) == (old.temperature_K, old.sampler)
        apart = np.abs(fresh.positions - old.positions).max()
        assert apart <= 0.05
        if apart == 0.0:
            assert fresh.energy == pytest.approx(old.energy, abs=ENERGY_TOLERANCE)
            assert np.abs(fresh.forces - old.forces).max() <= FORCE_TOLERANCE
        if "MFBENCH_SAME_BITS" in os.environ:
            assert np.array_equal(fresh.positions, old.positions)
            assert fresh.energy == old.energy
            assert np.array_equal(fresh.forces, old.forces)
