"""A build that was stopped or killed goes on where it was, and its journal takes no other recipe."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from mfbench.errors import DataError, WorkError
from mfbench.work.journal import Journal, read_request
from mfbench_tasks.build.run_jobs import finished_outcomes
from mfbench_tasks.labelling.tblite import Gfn2


def test_an_interrupted_build_resumes_and_gives_the_same_bytes(
    built, recipe_file, structures, tmp_path, run
):
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


def test_a_finished_fragment_is_not_computed_again(built, recipe_file, structures, monkeypatch, run):
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
    """kill -9 on the driver while fragments are made; the second run repeats none that was finished."""
    out, journal = tmp_path / "out", tmp_path / "out.journal"
    command = [sys.executable, "-m", "mfbench", "data", "build", str(recipe_file)]
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


def test_another_recipe_does_not_take_the_journal(built, structures, tmp_path, run, recipe_text):
    other = tmp_path / "other.yaml"
    other.write_text(recipe_text.replace("seed: 5", "seed: 6"))
    with pytest.raises(DataError, match="its recipe.seed is 5, not 6"):
        run(other, structures, built[0], resume=True)


def test_a_recipe_can_be_mended_before_anything_was_built(structures, tmp_path, run, recipe_text):
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe_text.replace('"1.1.1"', '"9.9.9"'))
    for _ in range(2):
        with pytest.raises(DataError, match=r"family 9\.9\.9"):
            run(path, structures, tmp_path)
        path.write_text(recipe_text.replace('"1.1.1"', '"9.9.9"').replace("seed: 5", "seed: 6"))


def test_a_damaged_file_of_the_journal_counts_as_unfinished(built, tmp_path):
    journal = tmp_path / "journal"
    shutil.copytree(built[0] / "journal", journal)
    damaged = sorted(journal.glob("*.npz"))[:3]
    for path, at in zip(damaged, (0.1, 0.5, 0.9), strict=True):
        data = bytearray(path.read_bytes())
        start = int(at * len(data))
        data[start : start + 64] = bytes(64)
        path.write_bytes(bytes(data))
    finished = finished_outcomes(Journal(journal, read_request(journal), resume=True))
    assert len(finished) == 3
    assert not {path.stem for path in damaged} & set(finished)


@pytest.mark.parametrize(("file", "named"), [("entries/1bbb.cif", "1bbb.cif"), ("index.tsv", "index.tsv")])
def test_a_build_does_not_go_on_with_other_structures(
    built, recipe_file, structures, tmp_path, run, file, named
):
    """What is in the journal was cut from other coordinates."""
    folder, copy = tmp_path / "built", tmp_path / "structures"
    shutil.copytree(built[0], folder)
    shutil.copytree(structures, copy)
    content = (copy / file).read_text()
    (copy / file).write_text(content.replace("1.5", "1.6") if file == "index.tsv" else content + "#\n")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(WorkError, match=f"cannot resume .*{named} has changed") as caught:
        run(recipe_file, copy, folder, resume=True)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_two_builds_do_not_share_a_folder(built, recipe_file, structures, tmp_path, run):
    shutil.copytree(built[0], tmp_path, dirs_exist_ok=True)
    refused = []

    def second(done, total):
        with pytest.raises(WorkError, match="in use by process") as caught:
            run(recipe_file, structures, tmp_path, resume=True)
        refused.append(str(caught.value))

    assert run(recipe_file, structures, tmp_path, resume=True, progress=second) == built[1]
    assert refused
