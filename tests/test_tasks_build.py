"""A whole build on structures made here: independent of order, resumable, and loud when it cannot work."""

import csv
import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from biotite.structure.io import pdbx

import mfbench
from mfbench.errors import DataError, StructureError
from mfbench_tasks import plan
from mfbench_tasks.__main__ import main
from mfbench_tasks.build import build, process_pool
from mfbench_tasks.cut import cut
from mfbench_tasks.families import choose_families, stratum_of
from mfbench_tasks.gates import Rejection
from mfbench_tasks.ideal import ideal_peptide
from mfbench_tasks.journal import Journal
from mfbench_tasks.label import Gfn2
from mfbench_tasks.make import fill_slot
from mfbench_tasks.recipe import FamilyChoice, Gates, Recipe, load_recipe
from mfbench_tasks.sample import Trajectory
from mfbench_tasks.stage import label_trajectory

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
    # Slots finish in any order: whichever three are there, one of them is damaged.
    finished = sorted((tmp_path / "journal").glob("*.npz"))
    assert len(finished) == 3
    finished[0].write_bytes(b"half a file")
    with pytest.raises(DataError, match="--resume"):
        run(recipe_file, structures, tmp_path)
    seen = []
    resumed = run(
        recipe_file, structures, tmp_path, resume=True, progress=lambda done, total: seen.append(done)
    )
    assert seen[0] == 2
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


def _ends(group: int, seconds: float = 20.0) -> bool:
    """Whether all processes of a group end by themselves; what is left is killed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        alive = subprocess.run(["ps", "-o", "stat=", "-g", str(group)], capture_output=True, text=True)
        if not [state for state in alive.stdout.split() if state[0] != "Z"]:
            return True
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    return False


def test_a_killed_build_resumes_from_the_command_line(built, recipe_file, structures, tmp_path):
    """kill -9 on the driver while slots are being filled; the second run repeats none that was finished."""
    out, journal = tmp_path / "out", tmp_path / "out.journal"
    command = [sys.executable, "-m", "mfbench_tasks", "build", str(recipe_file)]
    command += ["--structures", str(structures), "--out", str(out), "--workers", "1"]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while len(list(journal.glob("*.npz"))) < 2 and time.monotonic() < deadline:
            assert first.poll() is None, "the build ended before it could be killed"
            time.sleep(0.005)
    finally:
        first.kill()
        first.wait()
    assert _ends(first.pid), "workers outlive a killed build"
    finished = {path.name: path.stat().st_mtime_ns for path in journal.glob("*.npz")}
    assert 2 <= len(finished) < 6
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    for name, written in finished.items():
        assert (journal / name).stat().st_mtime_ns == written
    for table in (built[0] / "out").iterdir():
        assert (out / table.name).read_bytes() == table.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["build", "no-such.yaml", "--structures", "x", "--out", "o"], "no-such.yaml"),
        (
            ["build", "{recipe}", "--structures", "{tmp}/nowhere", "--out", "{tmp}/o"],
            "index.tsv is missing",
        ),
        (["build", "{recipe}", "--structures", "{structures}", "--out", "{recipe}/o"], "Not a directory"),
        (["build", "{tmp}", "--structures", "{structures}", "--out", "{tmp}/o"], "cannot be read"),
        (["download", "../etc", "--to", "{tmp}"], "not a PDB id"),
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
    command = ["build", str(recipe_file), "--structures", str(copy), "--out", str(tmp_path / "out")]
    assert main([*command, "--workers", "1"]) == 2
    (line,) = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error:")]
    assert "1bbb.cif" in line
    assert says in line


@pytest.mark.parametrize("spoil", [b"", b"not gzip", None])
def test_a_spoilt_table_of_chains_is_one_line(recipe_file, structures, tmp_path, spoil):
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

    monkeypatch.setattr(plan, "cut", stubborn)
    recipe = load_recipe(recipe_file)
    family = choose_families(structures, recipe.families, recipe.plan)[0]
    # The held-out protein 1bbb offers alanine and cysteine; asking for two candidates tries both.
    wanted = recipe.plan.model_copy(update={"pool": ["residue"], "candidates": 3})
    slots = plan.plan_family(family, wanted, structures, recipe.seed)
    rows = [row for slot in slots for row in slot.rejections]
    assert [(row["gate"], row["motif"], row["reason"]) for row in rows] == [
        ("cut", "residue:CYS", "no hydrogens")
    ]
    assert rows[0]["fragment"].startswith("1bbb.r.A3")
    assert fill_slot(slots[-1], recipe).rejections == rows


def test_a_trajectory_that_ends_too_soon_is_rejected_not_shortened(built):
    folder, _ = built
    digest = (folder / "journal" / "recipe.sha256").read_text()
    made = Journal(folder / "journal", digest, resume=True).finished()["1.1.1-0"].made
    engine = Gfn2(made.fragment.atomic_numbers, made.fragment.total_charge)
    one = iter([made.configurations[0].positions])
    with pytest.raises(Rejection, match="ended after 1"):
        label_trajectory(engine, made, Trajectory("s9", "displaced", 300.0, 2), one, Gates())


def test_another_recipe_does_not_take_the_journal(built, structures, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(RECIPE.replace("seed: 5", "seed: 6"))
    with pytest.raises(DataError, match="another recipe"):
        run(other, structures, built[0], resume=True)


def test_a_recipe_can_be_mended_before_anything_was_built(structures, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace('"1.1.1"', '"9.9.9"'))
    for _ in range(2):
        with pytest.raises(DataError, match=r"family 9\.9\.9"):
            run(path, structures, tmp_path)
        path.write_text(RECIPE.replace('"1.1.1"', '"9.9.9"').replace("seed: 5", "seed: 6"))


def test_a_damaged_file_of_the_journal_counts_as_unfinished(built, tmp_path):
    journal = tmp_path / "journal"
    shutil.copytree(built[0] / "journal", journal)
    digest = (journal / "recipe.sha256").read_text()
    damaged = sorted(journal.glob("*.npz"))[:3]
    for path, at in zip(damaged, (0.1, 0.5, 0.9), strict=True):
        data = bytearray(path.read_bytes())
        start = int(at * len(data))
        data[start : start + 64] = bytes(64)
        path.write_bytes(bytes(data))
    finished = Journal(journal, digest, resume=True).finished()
    assert len(finished) == 3
    assert not {path.stem for path in damaged} & set(finished)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seed: 5", "seed: five", "seed"),
        ("draws: 2", "drawz: 2", "drawz"),
        ("fold: train", "fold: training", "families.0.fold"),
        ("name: tiny", "name: [", "not YAML"),
        ('id: "1.1.1"', 'id: "9.9.9"', "9.9.9"),
        ('id: "1.1.1"', 'id: "membrane.2.2.2"', "listed twice"),
        ("draw_length: 4", "draw_length: 5", "draw_length"),
        ("query_md_frames: [1]", "query_md_frames: [1, 1]", "query_md"),
        (", hbond: 24", "", "max_atoms lacks hbond"),
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


def test_families_never_share_an_entry_or_a_cluster_across_folds(recipe_file, structures):
    wanted = load_recipe(recipe_file).plan
    choices = [FamilyChoice(id="1.1.1", fold="train"), FamilyChoice(id="1.1.1", fold="test")]
    with pytest.raises(DataError, match="no protein is left for family 1.1.1"):
        choose_families(structures, choices, wanted)
    assert stratum_of("4.10.410") == "few-ss"
    assert stratum_of("membrane.2.40.160") == "membrane"


def test_recipes_round_trip():
    recipe = load_recipe(Path(__file__).parents[1] / "tasks" / "recipes" / "cath-mini.yaml")
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
    assert mfbench.load_split("cath-mini").manifest.recipe == recipe.model_dump(mode="json")
