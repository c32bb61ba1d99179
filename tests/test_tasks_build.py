"""A whole build on structures made here: independent of order, resumable, and loud when it cannot work."""

import csv
import gzip
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from biotite.structure.io import pdbx

import mfbench
from mfbench.errors import DataError, StructureError
from mfbench_tasks.__main__ import main
from mfbench_tasks.build import build, process_pool
from mfbench_tasks.families import choose_families, stratum_of
from mfbench_tasks.ideal import ideal_peptide
from mfbench_tasks.label import Gfn2
from mfbench_tasks.recipe import FamilyChoice, Plan, Recipe, load_recipe

RECIPE = """
name: tiny
version: "0"
seed: 5
draws: 2
draw_length: 4
changelog: []
families:
  - {id: "1.1.1", fold: train}
  - {id: "membrane.2.2.2", fold: test}
plan:
  pool: [residue, residue]
  heldout: [residue]
  proteins: 2
  candidates: 1
  charged_share: 0.0
  max_atoms: {residue: 24, contact: 24, hbond: 24}
sampling:
  support_md_K: [300]
  support_md_frames: [1]
  support_displaced_K: [300]
  support_displaced_frames: [1]
  query_md_K: [400]
  query_md_frames: [1]
  query_displaced_K: [400]
  query_displaced_frames: [1]
  start: {torsion_deg: 30, shift: 0.2, turn_deg: 10}
  jitter: {torsion_deg: 10, shift: 0.1, turn_deg: 5}
  relax_fmax: 0.3
  relax_steps: 20
  start_steps: 2
  timestep_fs: 2.0
  friction_per_fs: 0.02
  equilibration_steps: 3
  spacing_steps: 2
  mode_floor: 250
"""
PEPTIDES = {
    "1aaa": ("ALA", "GLY", "SER", "ALA"),
    "1bbb": ("ALA", "ALA", "CYS", "GLY"),
    "2aaa": ("GLY", "GLY", "ALA", "ALA"),
    "2bbb": ("ALA", "SER", "GLY", "GLY"),
}


class Inline(Executor):
    """Runs what is submitted at once, in this process."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def structures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("structures")
    (folder / "entries").mkdir()
    index, chains = [], []
    for name, sequence in PEPTIDES.items():
        file = pdbx.CIFFile()
        pdbx.set_structure(file, ideal_peptide(sequence), data_block=name)
        file.write(folder / "entries" / f"{name}.cif")
        row = dict(pdb_id=name, tier="A", resolution="1.5", membrane="1" if name[0] == "2" else "0")
        index.append(row)
        topology = "1.1.1.10" if name[0] == "1" else "2.2.2.20"
        chains.append(
            dict(
                pdb_id=name,
                chain="A",
                cath_how="direct",
                bc30_cluster=f"c{name}",
                cath_superfamilies=topology,
            )
        )
    for path, rows in ((folder / "index.tsv", index), (folder / "chain_cath_cluster.tsv.gz", chains)):
        with gzip.open(path, "wt") if path.suffix == ".gz" else open(path, "w") as file:
            writer = csv.DictWriter(file, rows[0], delimiter="\t")
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(RECIPE)
    return path


def run(recipe_file, structures, folder, **options):
    return build(
        load_recipe(recipe_file),
        structures=structures,
        out=folder / "out",
        report=folder / "report",
        journal=folder / "journal",
        **{"executor": Inline(), **options},
    )


@pytest.fixture(scope="module")
def built(recipe_file, structures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    return folder, run(recipe_file, structures, folder)


def test_a_build_gives_a_split_that_loads(built):
    folder, manifest = built
    split = mfbench.load_split(folder / "out")
    assert manifest["counts"]["fragments"] == 6
    assert [t.family_id for t in split.tasks] == ["1.1.1", "membrane.2.2.2"]
    assert [(len(t.support), len(t.query), len(t.heldout)) for t in split.tasks] == [(4, 4, 2)] * 2
    assert (folder / "report" / "build_report.json").exists()
    # Held-out fragments come from the other protein.
    for task in split.tasks:
        assert not {c.fragment_id[:4] for c in task.support} & {c.fragment_id[:4] for c in task.heldout}


def test_two_processes_give_the_same_bytes_as_one(built, recipe_file, structures, tmp_path):
    with process_pool(2) as pool:
        manifest = run(recipe_file, structures, tmp_path, executor=pool)
    assert manifest["data_hash"] == built[1]["data_hash"]


def test_an_interrupted_build_resumes_and_gives_the_same_bytes(built, recipe_file, structures, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 3:
            raise Stop

    with pytest.raises(Stop):
        run(recipe_file, structures, tmp_path, progress=stop)
    (tmp_path / "journal" / "1.1.1-0.npz").write_bytes(b"half a file")
    with pytest.raises(DataError, match="--resume"):
        run(recipe_file, structures, tmp_path)
    seen = []
    resumed = run(
        recipe_file, structures, tmp_path, resume=True, progress=lambda done, total: seen.append(done)
    )
    assert seen[0] == 2  # three finished, one of them damaged since
    assert resumed["data_hash"] == built[1]["data_hash"]


def test_a_finished_slot_is_not_computed_again(built, recipe_file, structures, monkeypatch):
    folder, manifest = built

    def refuse(self, positions):
        if len(positions) > 1:  # isolated atoms are part of the manifest
            raise AssertionError("labelled again")
        return original(self, positions)

    original = Gfn2.label
    monkeypatch.setattr(Gfn2, "label", refuse)
    assert run(recipe_file, structures, folder, resume=True) == manifest


def test_another_recipe_does_not_take_the_journal(built, structures, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(RECIPE.replace("seed: 5", "seed: 6"))
    with pytest.raises(DataError, match="another recipe"):
        run(other, structures, built[0], resume=True)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seed: 5", "seed: five", "seed"),
        ("draws: 2", "drawz: 2", "drawz"),
        ("fold: train", "fold: training", "families.0.fold"),
        ("name: tiny", "name: [", "not YAML"),
        ('id: "1.1.1"', 'id: "9.9.9"', "9.9.9"),
    ],
)
def test_a_wrong_recipe_is_one_line_and_exit_code_2(structures, tmp_path, capsys, old, new, says):
    path = tmp_path / "wrong.yaml"
    path.write_text(RECIPE.replace(old, new))
    code = main(
        [
            "build",
            str(path),
            "--structures",
            str(structures),
            "--out",
            str(tmp_path / "out"),
            "--workers",
            "1",
        ]
    )
    error = capsys.readouterr().err
    assert code == 2
    assert says in error
    assert len([line for line in error.splitlines() if line.startswith("error:")]) == 1


def test_a_missing_entry_is_named(recipe_file, structures, tmp_path):
    (structures / "entries" / "2bbb.cif").rename(tmp_path / "2bbb.cif")
    try:
        with pytest.raises(StructureError, match="2bbb"):
            run(recipe_file, structures, tmp_path)
    finally:
        (tmp_path / "2bbb.cif").rename(structures / "entries" / "2bbb.cif")


def test_families_never_share_an_entry_or_a_cluster_across_folds(structures):
    plan = Plan(pool=["residue"], heldout=["residue"], proteins=2, max_atoms={})
    choices = [FamilyChoice(id="1.1.1", fold="train"), FamilyChoice(id="1.1.1", fold="test")]
    with pytest.raises(DataError, match="no protein is left for family 1.1.1"):
        choose_families(structures, choices, plan)
    assert stratum_of("4.10.410") == "few-ss"
    assert stratum_of("membrane.2.40.160") == "membrane"


def test_recipes_round_trip():
    recipe = load_recipe(Path(__file__).parents[1] / "tasks" / "recipes" / "cath-mini.yaml")
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
    assert mfbench.load_split("cath-mini").manifest.recipe == recipe.model_dump(mode="json")
