"""The recipe of 10⁶ configurations: it loads, keeps its folds apart, and names entries to download."""

import gzip
import os
from pathlib import Path

import pytest

pytest.importorskip("yaml")
pytest.importorskip("biotite")
pytest.importorskip("tblite")

from mfbench.cli import main
from mfbench.errors import DataError, StructureError
from mfbench_tasks.constructions.arrangements.from_table import check_families
from mfbench_tasks.constructions.choosing.families_large import (
    CLUSTERS,
    DOMAINS,
    choose_large,
    single_domain_chains,
)
from mfbench_tasks.families.table import read_families
from mfbench_tasks.pool.groups import group_jobs
from mfbench_tasks.pool.recipe import load_pool_recipe

TASKS = Path(__file__).parents[2] / "tasks"
MILLION = TASKS / "recipes" / "million.yaml"


@pytest.fixture(scope="module")
def recipe():
    return load_pool_recipe(MILLION)


def test_folds_share_no_entry_and_no_cluster_and_known_topologies_keep_theirs(recipe):
    (construction,) = recipe.constructions
    rows = read_families(MILLION.parent / construction.families)
    check_families(rows, recipe)
    groups = {group.id for block in recipe.blocks for group in block.groups}
    assert groups == {name for row in rows for name in (row.support_group, row.heldout_group)}
    known = {row.family_id: row.fold for row in read_families(TASKS / "families" / "cath.tsv")}
    both = [row for row in rows if row.family_id in known]
    assert len(both) > 50
    assert all(row.fold == known[row.family_id] for row in both)
    fold_of = {}
    for row in rows:
        assert fold_of.setdefault(row.title, row.fold) == row.fold  # of the topology


def test_its_first_proteins_at_hand_can_be_planned(recipe):
    if "MFBENCH_STRUCTURES" not in os.environ:
        pytest.skip("MFBENCH_STRUCTURES names no folder of entries")
    folder = Path(os.environ["MFBENCH_STRUCTURES"])
    there = {path.name[:4] for path in (folder / "entries").iterdir()}
    groups = [g for block in recipe.blocks for g in block.groups if g.id[:4] in there and not g.beside]
    jobs = group_jobs(groups[0], recipe, folder)
    assert [job.heldout for job in jobs] == [False] * 6 + [True] * 3
    assert all(job.candidates for job in jobs)


def write_tables(folder, domains, clusters):
    for name, rows in ((DOMAINS, domains), (CLUSTERS, clusters)):
        with gzip.open(folder / name, "wt") as file:
            file.writelines(f"{a}\t{b}\n" for a, b in rows)


def test_only_whole_single_domain_chains_of_different_clusters_are_paired(tmp_path):
    domains = [(f"{k}aaaA00", "1.10.8.10") for k in range(1, 8)]
    domains += [("9aaaA01", "1.10.8.10"), ("9aaaA02", "2.30.42.10")]  # two domains
    domains += [("1aaaB00", "2.30.42.10"), ("8aaaA00", "2.30.42.10")]  # an entry that is taken; one chain
    clusters = [(str(min(k, 6)), f"{k}AAA_A") for k in range(1, 10)] + [("70", "1AAA_B")]
    write_tables(tmp_path, domains, clusters)
    assert [p.name for p in single_domain_chains(tmp_path)["1.10.8"]] == [f"{k}aaa_A" for k in range(1, 7)]
    blocks, rows = choose_large(tmp_path, {"1.10.8": "validation"}, seed=1)
    assert [(r.family_id, r.fold, r.support_group, r.heldout_group) for r in rows] == [
        ("1.10.8", "validation", "1aaa_A", "2aaa_A"),
        ("1.10.8-2", "validation", "3aaa_A", "4aaa_A"),
        ("1.10.8-3", "validation", "5aaa_A", "6aaa_A"),
    ]
    assert [g.beside for g in blocks[0].groups] == [None, "1aaa_A", None, "3aaa_A", None, "5aaa_A"]
    (tmp_path / DOMAINS).write_bytes(b"not gzip")
    with pytest.raises(DataError, match=DOMAINS):
        choose_large(tmp_path, {}, seed=1)


def test_every_entry_of_a_recipe_is_asked_for_once(monkeypatch, tmp_path, capsys):
    asked = []

    def fetch(pdb_id, folder):
        asked.append(pdb_id)
        if pdb_id == "2r6s":
            raise StructureError("cannot download 2r6s: HTTP 404")
        return folder / pdb_id

    monkeypatch.setattr("mfbench_tasks.structures.download.download", fetch)
    recipe = TASKS / "recipes" / "pool.yaml"
    command = ["data", "fetch-entries", "1abc", "--recipe", str(recipe), "--to", str(tmp_path)]
    assert main(command) == 2  # one entry failed, the others were fetched
    assert "2r6s" in capsys.readouterr().err
    proteins = {
        group.id[:4]
        for block in load_pool_recipe(recipe).blocks
        for group in block.groups
        if group.kind == "protein"
    }
    assert asked[0] == "1abc"
    assert len(asked) == len(set(asked)) == len(proteins) + 1
    assert main(["data", "fetch-entries", "--to", str(tmp_path)]) == 2
    assert "name entries to fetch" in capsys.readouterr().err
