"""A pool made here: blocks are written once, survive kill -9, and try again what failed."""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from mfbench.cli import main
from mfbench.data.parquet import read_table
from mfbench.errors import DataError, StructureError
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.pool.inventory import take_inventory
from mfbench_tasks.pool.make_pool import retry_jobs

GATES = """
gates: {strain: 0.9}
blocks:"""


def test_a_block_holds_its_groups(built):
    assert sorted(p.name for p in (built / "blocks").iterdir()) == [
        f"b{k}.{part}.parquet" for k in (1, 2) for part in ("configurations", "fragments", "groups")
    ]
    rows = read_table(built / "blocks" / "b1.groups.parquet").to_pylist()
    assert [(r["group_id"], r["heldout"]) for r in rows] == [("1aaa_A", h) for h in (False, False, True)]
    assert read_table(built / "blocks" / "b1.configurations.parquet").num_rows == 2 * 4 + 2
    assert (built / "report" / "b1.json").is_file()
    assert "| b2 | 1 | 3 | 10 |" in (built / "report" / "README.md").read_text()


def test_a_killed_run_repeats_no_finished_fragment_and_rewrites_no_finished_block(
    built, recipe_file, structures, tmp_path
):
    pool, journal = tmp_path / "pool", tmp_path / "pool.journal"
    command = [sys.executable, "-m", "mfbench", "data", "pool", str(recipe_file)]
    command += ["--structures", str(structures), "--out", str(pool), "--workers", "1"]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        # Killed in the second block, when the first is written.
        while not list(journal.glob("b2/*.npz")) and time.monotonic() < deadline:
            assert first.poll() is None, "the run ended before it could be killed"
            time.sleep(0.005)
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    before = {p: p.stat().st_mtime_ns for p in (*pool.glob("*.parquet"), *journal.glob("*/*.npz"))}
    assert {p.name[:2] for p in before if p.suffix == ".parquet"} == {"b1"}
    assert len(list(journal.glob("b2/*.npz"))) < 3
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert len(list(journal.glob("*/*.npz"))) == 6
    assert [p.name for p in sorted(pool.iterdir())] == [
        p.name for p in sorted((built / "blocks").iterdir())
    ]
    for path in pool.iterdir():
        assert path.read_bytes() == (built / "blocks" / path.name).read_bytes()


def test_blocks_can_be_chosen_and_unknown_ones_are_named(built, recipe_file, structures, tmp_path, tools):
    (tmp_path / "journal").symlink_to(built / "journal")
    tools.run(recipe_file, structures, tmp_path, only=["b2"], resume=True)
    assert {p.name[:2] for p in (tmp_path / "blocks").iterdir()} == {"b2"}
    with pytest.raises(DataError, match="there is no block b9: the recipe has b1, b2"):
        tools.run(recipe_file, structures, tmp_path, only=["b9"])


def test_a_fragment_in_two_blocks_is_refused(built, tmp_path):
    for path in (built / "blocks").glob("b1.*"):
        for block in ("b1", "b3"):
            (tmp_path / path.name.replace("b1", block)).symlink_to(path)
    with pytest.raises(DataError, match="is in blocks b1 and b3"):
        take_inventory(tmp_path, ["b1", "b2", "b3"])


def _candidate(residues):
    return SimpleNamespace(pdb_id="1aaa", kind="residue", residues=residues)


def _outcome(job, accepted, rejected):
    found = None if accepted is None else SimpleNamespace(fragment_id=f"1aaa.r.{accepted}.xx")
    rejections = [{"fragment": f"1aaa.r.{name}.xx"} for name in rejected]
    return Outcome(job.name, job.family_id, job.number, job.heldout, found, rejections, 0.0, 0.0)


def test_a_failed_job_takes_what_other_jobs_of_its_group_did_not_need(monkeypatch):
    monkeypatch.setattr(
        "mfbench_tasks.pool.make_pool.id_in_family", lambda c, family: f"1aaa.r.{c.residues}.xx"
    )
    names = [("A1", "A2"), ("A3", "A4", "A5"), ("A6", "A7")]
    jobs = [FragmentJob("g", k, k == 2, tuple(map(_candidate, found))) for k, found in enumerate(names)]
    finished = {
        "g-0": _outcome(jobs[0], None, ["A1", "A2"]),
        "g-1": _outcome(jobs[1], "A4", ["A3"]),
        "g-2": _outcome(jobs[2], "A6", []),
    }
    (again,) = retry_jobs(jobs, finished)
    # Not A3 (rejected), not A4 (taken), not A7 (for a held-out one).
    assert (again.name, [c.residues for c in again.candidates]) == ("g-0", ["A5"])
    assert len(again.rejections) == 2
    # Filled: nothing is left to do. Rejected as well: the job stays empty, for good.
    for accepted, rejected in (("A5", ["A1", "A2"]), (None, ["A1", "A2", "A5"])):
        assert retry_jobs(jobs, finished | {"g-0": _outcome(jobs[0], accepted, rejected)}) == []


def test_an_audit_finds_the_rejections_of_a_stored_block(tools, recipe_file, structures, tmp_path):
    """A job whose first candidate fails a gate: the report of the run, and that of an audit without it."""
    text = recipe_file.read_text().replace("candidates: 1", "candidates: 2").replace("\nblocks:", GATES)
    recipe = recipe_file.with_name("strict.yaml")
    recipe.write_text(text)
    tools.run(recipe, structures, tmp_path, only=["b2"])
    told = json.loads((tmp_path / "report" / "b2.json").read_text())
    assert told["rejections"]
    command = [
        "data",
        "audit",
        str(recipe),
        "--structures",
        str(structures),
        "--pool",
        str(tmp_path / "blocks"),
    ]
    command += ["--report", str(tmp_path / "again"), "--blocks", "b2", "--workers", "1"]
    assert main(command) == 0
    found = json.loads((tmp_path / "again" / "b2.json").read_text())
    for name in (
        "rejections",
        "tried",
        "fragments",
        "configurations",
        "empty_slots",
        "near_twins",
        "sizes",
    ):
        assert found[name] == told[name], name
    assert found["cost"] is None
    # A block that the recipe would not make is no block of it.
    recipe.write_text(recipe_file.read_text())
    assert main(command) == 2


def test_a_group_without_places_stops_the_run_or_is_reported(tools, recipe_file, structures, tmp_path):
    recipe = recipe_file.with_name("lacking.yaml")
    text = recipe_file.read_text().replace(
        "{id: 1bbb_A, beside: 1aaa_A}", "{id: 1bbb_A}\n      - {id: 1aaa_B}"
    )
    recipe.write_text(text)
    with pytest.raises(StructureError, match="there is no chain B"):
        tools.run(recipe, structures, tmp_path, only=["b2"])
    recipe.write_text(text.replace("seed: 5", "seed: 5\nskip_unplanned: true"))
    tools.run(recipe, structures, tmp_path / "on", only=["b2"])
    report = json.loads((tmp_path / "on" / "report" / "b2.json").read_text())
    assert list(report["unplanned_groups"]) == ["1aaa_B"]
    assert report["groups"] == ["1bbb_A"]
    assert "No fragments of 1aaa_B: " in (tmp_path / "on" / "report" / "README.md").read_text()
