"""A whole build on structures made here: independent of order, and loud when it cannot work."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

import mfbench
from mfbench.cli import main
from mfbench.errors import DataError, StructureError
from mfbench.work.executor import Processes
from mfbench_tasks.build import candidate_places
from mfbench_tasks.build.candidates import family_jobs
from mfbench_tasks.build.outcome_file import decode
from mfbench_tasks.families.cath import choose_families
from mfbench_tasks.families.topology import TopologyFamily
from mfbench_tasks.fragments.cut import cut
from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.recipes.recipe import FamilyChoice, Gates, Recipe, load_recipe
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.sampling.label_trajectory import label_trajectory
from mfbench_tasks.sampling.role import Role
from mfbench_tasks.sampling.trajectories import Trajectory


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


def test_two_processes_give_the_same_bytes_as_one(built, recipe_file, structures, tmp_path, run):
    with Processes(2) as pool:
        manifest = run(recipe_file, structures, tmp_path, executor=pool)
    assert manifest["data_hash"] == built[1]["data_hash"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["data", "build", "no-such.yaml", "--structures", "x", "--out", "o"], "no-such.yaml"),
        (
            ["data", "build", "{recipe}", "--structures", "{tmp}/nowhere", "--out", "{tmp}/o"],
            "index.tsv is missing",
        ),
        (
            ["data", "build", "{recipe}", "--structures", "{structures}", "--out", "{recipe}/o"],
            "Not a directory",
        ),
        (["data", "build", "{tmp}", "--structures", "{structures}", "--out", "{tmp}/o"], "cannot be read"),
        (["data", "fetch-entries", "../etc", "--to", "{tmp}"], "not a PDB id"),
    ],
)
def test_the_callers_mistakes_are_one_line(recipe_file, structures, tmp_path, capsys, arguments, says):
    places = {"recipe": recipe_file, "structures": structures, "tmp": tmp_path}
    assert main([a.format(**places) for a in arguments]) == 2
    (line,) = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error:")]
    assert says in line


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "not a readable mmCIF"),
        (None, "not a readable mmCIF"),
    ],
)
def test_a_spoilt_entry_stops_a_build_in_one_line(recipe_file, structures, tmp_path, capsys, content, says):
    copy = tmp_path / "structures"
    shutil.copytree(structures, copy)
    entry = copy / "entries" / "1bbb.cif"
    whole = entry.read_bytes()
    entry.write_bytes(whole[: whole.index(b"CYS")] if content is None else content)
    command = ["data", "build", str(recipe_file), "--structures", str(copy), "--out", str(tmp_path / "out")]
    assert main([*command, "--workers", "1"]) == 2
    (line,) = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error:")]
    assert "1bbb.cif" in line
    assert says in line


@pytest.mark.parametrize("spoil", [b"", b"not gzip", None])
def test_a_spoilt_table_of_chains_is_one_line(recipe_file, structures, tmp_path, spoil, run):
    copy = tmp_path / "structures"
    shutil.copytree(structures, copy)
    table = copy / "chain_cath_cluster.tsv.gz"
    table.write_bytes(table.read_bytes()[:-20] if spoil is None else spoil)
    with pytest.raises(DataError, match="chain_cath_cluster"):
        run(recipe_file, copy, tmp_path)


def test_a_place_that_cannot_be_cut_is_in_the_report(recipe_file, structures, monkeypatch):
    def stubborn(atoms, selection, **names):
        if names["motif"] == "residue:CYS":
            raise StructureError("no hydrogens")
        return cut(atoms, selection, **names)

    monkeypatch.setattr(candidate_places, "cut", stubborn)
    recipe = load_recipe(recipe_file)
    family = choose_families(structures, recipe.families, recipe.plan)[0]
    # The held-out protein 1bbb offers alanine and cysteine; asking for two candidates tries both.
    wanted = recipe.plan.model_copy(update={"pool": ["residue"], "candidates": 3})
    jobs = family_jobs(family, wanted, structures, recipe.seed)
    rows = [row for job in jobs for row in job.rejections]
    assert [(row["gate"], row["motif"], row["reason"]) for row in rows] == [
        ("cut", "residue:CYS", "no hydrogens")
    ]
    assert rows[0]["fragment"].startswith("1bbb.r.A3")
    assert jobs[-1].run(recipe).rejections == rows


def test_a_trajectory_that_ends_too_soon_is_rejected_not_shortened(built):
    folder, _ = built
    labelled = decode((folder / "journal" / "1.1.1-0.npz").read_bytes()).labelled
    engine = Gfn2(labelled.fragment.atomic_numbers, labelled.fragment.total_charge)
    one = iter([labelled.configurations[0].positions])
    with pytest.raises(Rejection, match="ended after 1"):
        label_trajectory(
            engine, labelled, Trajectory("s9", "displaced", 300.0, 2, Role.SUPPORT), one, Gates()
        )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seed: 5", "seed: five", "seed"),
        ("draws: 2", "drawz: 2", "drawz"),
        ("fold: train", "fold: training", "families.0.fold"),
        ("name: tiny", "name: [", "not plain YAML"),
        ('id: "1.1.1"', 'id: "9.9.9"', "9.9.9"),
        ('id: "1.1.1"', 'id: "membrane.2.2.2"', "listed twice"),
        ("draw_length: 4", "draw_length: 5", "draw_length"),
        ("draws: 2", "draws: 2\nseed: 6", "a key is given twice: 'seed'"),
        ("proteins: 2", "proteins: 2\n  proteins: 1", "a key is given twice: 'proteins'"),
        ("query_md_frames: [1]", "query_md_frames: [1, 1]", "query_md"),
        (", hbond: 24", "", "max_atoms lacks hbond"),
    ],
)
def test_a_wrong_recipe_is_one_line_and_exit_code_2(
    structures, tmp_path, capsys, old, new, says, recipe_text
):
    path = tmp_path / "wrong.yaml"
    path.write_text(recipe_text.replace(old, new))
    code = main(
        [
            "data",
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


def test_a_missing_entry_is_named(recipe_file, structures, tmp_path, run):
    (structures / "entries" / "2bbb.cif").rename(tmp_path / "2bbb.cif")
    try:
        with pytest.raises(StructureError, match="2bbb"):
            run(recipe_file, structures, tmp_path)
    finally:
        (tmp_path / "2bbb.cif").rename(structures / "entries" / "2bbb.cif")


def test_families_never_share_an_entry_or_a_cluster_across_folds(recipe_file, structures):
    wanted = load_recipe(recipe_file).plan
    choices = [FamilyChoice(id="1.1.1", fold="train"), FamilyChoice(id="1.1.1", fold="test")]
    with pytest.raises(DataError, match="no protein is left for family 1.1.1"):
        choose_families(structures, choices, wanted)
    assert TopologyFamily.named("4.10.410").family_class == "few-ss"
    assert TopologyFamily.named("membrane.2.40.160").family_class == "membrane"


def test_recipes_round_trip():
    recipe = load_recipe(Path(__file__).parents[3] / "tasks" / "recipes" / "cath-mini.yaml")
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
    assert Recipe.model_validate(mfbench.load_split("cath-mini").manifest.recipe) == recipe
