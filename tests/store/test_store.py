"""The store keeps what it was given, under any number of writers, and one bad folder hides no other."""

import io
import json
import multiprocessing
import os
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.errors import StoreError, SubmissionError
from mfbench.store import file_submission, flat_table, open_store, read_store
from mfbench.store.copies import copy_findings
from mfbench.store.store import content_hash
from mfbench.submission import check_run
from mfbench.submission.check import check
from mfbench.submission.detectors.findings import Kind
from mfbench_campaign.filing.file_row import file_row


@pytest.fixture
def filled(maker, store):
    """A store of three submissions."""
    for seed in range(3):
        file_submission(store, check(maker.files(seed=seed, error=0.3, method=f"method {seed}")))
    return store


def test_a_folder_is_named_by_its_content_and_scores_survive_the_round_trip(maker, store):
    checked = check(maker.files())
    name, said = file_submission(store, checked)
    assert said is None
    assert name == f"honest-{content_hash(store.read_files(name))[:16]}"
    again, _, _ = store.recompute(name)
    assert again.results.aggregate == checked.results.aggregate
    assert again.files == checked.files
    assert file_submission(store, check(maker.files())) == (name, "it is already there")
    assert store.ids() == [name]


def test_the_kept_file_alone_gives_the_force_error(maker, store):
    checked = check(maker.files())
    name, _ = file_submission(store, checked)
    kept = pd.read_parquet(io.BytesIO(store.read_files(name)["predictions.parquet"]))
    for row in checked.results.episodes:
        its = kept[(kept.family_id == row.family_id) & (kept.k == row.k) & (kept.draw == row.draw)]
        rmse = np.sqrt(np.mean(np.concatenate(its.force_errors.to_list()) ** 2)) * EV_TO_KCAL_MOL
        assert row.metrics["all"]["force_rmse"] == pytest.approx(rmse, rel=1e-6)


def test_where_forces_take_less_space_than_their_errors_they_are_kept(maker, store):
    silent = maker.files(edit=lambda energies, forces, _: (energies, [0 * f for f in forces]))
    name, _ = file_submission(store, check(silent))
    kept = pd.read_parquet(io.BytesIO(store.read_files(name)["predictions.parquet"]))
    assert not np.concatenate(kept.forces.to_list()).any()


def test_readers_see_every_score_with_its_interval(filled):
    snapshot = read_store(filled)
    table = flat_table(snapshot)
    assert table["submission"].nunique() == 3
    names = "submission method arch backend split k query metric value lo hi trust"
    assert list(table) == names.split()
    name = filled.ids()[0]
    checked, _, _ = filled.recompute(name)
    row = checked.results.find("force_rmse", 10)
    (found,) = table.query(
        "submission == @name and metric == 'force_rmse' and k == 10 and query == 'all'"
    ).to_dict("records")
    assert (found["value"], found["lo"], found["hi"]) == (row.value, *row.ci95)
    assert set(table["trust"]) == {"recomputed"}


def test_a_second_reader_reads_the_index_alone(filled, monkeypatch):
    first = read_store(filled)
    monkeypatch.setattr("mfbench.store.store.check", lambda files: 1 / 0)
    monkeypatch.setattr("mfbench.store.index._look", lambda *_: 1 / 0)
    assert read_store(filled).rows.equals(first.rows)


@pytest.mark.parametrize(
    "harm", ["truncate", "alter", "remove", "pickle", "link", "nothing-there", "garbage"]
)
def test_a_corrupted_submission_is_named_and_hides_no_other(filled, harm):
    name = filled.ids()[1]
    read_store(filled)
    folder = Path(filled.url) / "submissions" / name
    target = folder / "predictions.parquet"
    if harm == "truncate":
        target.write_bytes(target.read_bytes()[:500])
    elif harm == "alter":
        text = (folder / "submission.yaml").read_text()
        (folder / "submission.yaml").write_text(text.replace("method: method 1", "method: method one"))
    elif harm == "remove":
        target.unlink()
    elif harm == "pickle":
        (folder / "model.pkl").write_bytes(b"cposix\nsystem\n(S'true'\ntR.")
    elif harm == "link":
        target.unlink()
        target.symlink_to("/etc/passwd")
    elif harm == "nothing-there":
        for file in folder.iterdir():
            file.unlink()
    else:
        target.write_bytes(os.urandom(3000))
    for _ in range(2):  # before and after the index has been healed
        snapshot = read_store(filled)
        assert [b.name for b in snapshot.broken] == [name]
        assert len(snapshot.summaries) == 2
        assert set(flat_table(snapshot)["submission"]) == set(snapshot.summaries)


def test_the_index_and_the_parts_can_be_lost(filled):
    before = flat_table(read_store(filled))
    root = Path(filled.url)
    (root / "index.parquet").write_bytes(b"PAR1 not really")
    for part in (root / "parts").iterdir():
        part.unlink()
    pd.testing.assert_frame_equal(flat_table(read_store(filled)), before)
    pd.testing.assert_frame_equal(flat_table(read_store(filled)), before)


def test_scores_that_do_not_follow_from_predictions_are_found(filled, capsys):
    read_store(filled)
    assert main(["store", "verify", "--to", filled.url]) == 0
    from mfbench.store.rows import read_part, write_part

    path = Path(filled.url) / "index.parquet"
    summaries, table, meta = read_part(path.read_bytes())
    better = table.set_column(
        table.schema.get_field_index("value"), "value", [np.asarray(table["value"]) * 0.9]
    )
    path.write_bytes(write_part(summaries, better, {"records": meta["records"]}))
    capsys.readouterr()
    assert main(["store", "verify", "--to", filled.url]) == 2
    assert "other scores than its predictions give" in " ".join(capsys.readouterr().out.split())


def test_a_submission_put_there_by_other_means_is_scored_by_its_first_reader(filled, tmp_path):
    name = filled.ids()[0]
    other = open_store(tmp_path / "other")
    files = filled.read_files(name)
    other.files.add_folder(f"submissions/{name}", files, "")
    other.files.add_folder("submissions/forged-0123456789abcdef", files, "")
    snapshot = read_store(other)
    assert list(snapshot.summaries) == [name]
    assert [b.name for b in snapshot.broken] == ["forged-0123456789abcdef"]


def test_a_store_behind_a_url(maker):
    url = "memory://board-test"
    store = open_store(url)
    name, _ = file_submission(store, check(maker.files()))
    assert open_store(url).ids() == [name]
    assert list(read_store(open_store(url)).summaries) == [name]
    fsspec.filesystem("memory").pipe_file(f"board-test/submissions/{name}/predictions.parquet", b"x")
    with pytest.raises(SubmissionError, match="altered"):
        store.recompute(name)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store("nosuchprotocol://x")


def test_the_hub_gets_a_pull_request(maker, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    from mfbench.store.hub import HubFiles
    from mfbench.store.store import Store

    calls = []

    def create_commit(self, repo, operations, **options):
        calls.append((repo, sorted(o.path_in_repo for o in operations), options))
        return type("Commit", (), {"pr_url": "https://hub/pr/1"})

    monkeypatch.setattr(hub.HfApi, "create_commit", create_commit)
    files = HubFiles(fsspec.filesystem("memory"), "hub-test", "hf://datasets/me/board/store")
    name, said = file_submission(Store(files), check(maker.files()))
    ((repo, paths, options),) = calls
    assert repo == "me/board"
    assert paths == [
        f"store/submissions/{name}/{f}" for f in ("predictions.parquet", "receipt.json", "submission.yaml")
    ]
    assert options["create_pr"]
    assert options["repo_type"] == "dataset"
    assert said == "opened https://hub/pr/1"


def _submit(url, files, barrier):
    barrier.wait()
    file_submission(open_store(url), check(files))


def test_32_processes_at_once_lose_none(maker, store):
    fork = multiprocessing.get_context("fork")  # nothing to import: they really start together
    barrier = fork.Barrier(32)
    each = [maker.files(seed=n, error=0.3, method=f"m{n}") for n in range(32)]
    processes = [fork.Process(target=_submit, args=(store.url, files, barrier)) for files in each]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [p.exitcode for p in processes] == [0] * 32
    snapshot = read_store(store)
    assert sorted(s.card.method for s in snapshot.summaries.values()) == sorted(f"m{n}" for n in range(32))
    assert snapshot.broken == []
    assert not [p for p in Path(store.url, "submissions").iterdir() if p.name.startswith(".")]


def evaluate(run, method="random", *arguments):
    command = ["evaluate", "-m", method, "-s", "board-chains", "--draws", "2", "--out", str(run)]
    assert main([*command, "--k", "0,5", *arguments]) == 0


def test_from_a_run_to_a_row(maker, tmp_path, monkeypatch, capsys):
    run, store = tmp_path / "run", tmp_path / "store"
    assert (
        main(
            [
                "evaluate",
                "-m",
                "random",
                "-s",
                "board-chains",
                "--k",
                "0,5",
                "--draws",
                "2",
                "--out",
                str(run),
            ]
        )
        == 0
    )
    draft = tmp_path / "draft"
    assert main(["submit", str(run), "--draft", str(draft)]) == 0
    text = (draft / "submission.yaml").read_text()
    (draft / "submission.yaml").write_text(text.replace("description: ''", "description: A coin."))
    assert main(["submit", str(draft), "--check"]) == 0
    assert not store.exists()
    assert main(["submit", str(draft), "--to", str(store)]) == 0
    capsys.readouterr()
    assert main(["store", "list", "--to", str(store)]) == 0
    assert "random-" in capsys.readouterr().out
    assert main(["store", "export", "--format", "csv", "--to", str(store)]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    claimed = json.loads((run / "results.json").read_text())["aggregate"]
    for row in claimed:
        if row["metric"].endswith("seconds"):
            continue
        (found,) = table.query(
            "metric == @row['metric'] and k == @row['k'] and query == @row['query']"
        ).value
        assert found == pytest.approx(row["value"], rel=1e-3, abs=1e-3)


def test_a_claim_that_the_predictions_do_not_give_is_refused(maker, tmp_path, capsys):
    run = tmp_path / "run"
    assert (
        main(
            [
                "evaluate",
                "-m",
                "random",
                "-s",
                "board-chains",
                "--k",
                "5",
                "--draws",
                "1",
                "--out",
                str(run),
            ]
        )
        == 0
    )
    path = run / "results.json"
    content = json.loads(path.read_text())
    for row in content["aggregate"]:
        row["value"] *= 0.99
    path.write_text(json.dumps(content))
    assert main(["submit", str(run), "--to", str(tmp_path / "store")]) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("error: claims: ")


def test_controls_are_no_submissions(maker, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = [
        "evaluate",
        "-m",
        "constant",
        "-s",
        "board-chains",
        "--k",
        "5",
        "--draws",
        "1",
        "--out",
        str(run),
    ]
    assert main([*arguments, "--support", "wrong-family"]) == 0
    assert main(["submit", str(run), "--to", str(tmp_path / "store")]) == 2
    assert "it is a control" in capsys.readouterr().err
    assert main(["submit", str(tmp_path / "nothing"), "--to", str(tmp_path / "store")]) == 2
    assert main(["store", "list", "--to", "nosuch://x"]) == 2


@pytest.mark.parametrize(
    "command", [["store", "list"], ["store", "verify"], ["store", "export"], ["store", "compact", "x"],
                ["verify", "x", "--fresh"], ["leaderboard"]], ids=" ".join,
)  # fmt: skip
def test_a_mistyped_store_is_not_an_empty_one(command, tmp_path, capsys):
    option = "--store" if command == ["leaderboard"] else "--to"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("no store")
    for url in (str(tmp_path / "mistyped"), str(tmp_path / "other"), "memory://mistyped"):
        assert main([*command, option, url]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert url.rpartition("/")[2] in line
    assert not (tmp_path / "mistyped").exists()


def test_an_empty_folder_is_an_empty_store(tmp_path, capsys):
    assert main(["store", "list", "--to", str(tmp_path)]) == 0
    assert "holds no submission yet" in " ".join(capsys.readouterr().out.split())


def test_the_part_of_a_submission_at_one_level_is_a_copy_of_it(tmp_path):
    asked = {"ks": [5], "draws": 1}
    mfbench.evaluate("random", "levels-mini", out=tmp_path / "whole", **asked)
    mfbench.evaluate("random", "levels-mini", level="wb97x-d", out=tmp_path / "part", **asked)
    store = open_store(tmp_path / "store")
    file_row(tmp_path / "whole", store.url, {"description": "A coin.", "authors": ["us"]})
    (finding,) = copy_findings(store, check_run(tmp_path / "part"))
    assert finding.kind == Kind.COPIED_PREDICTIONS
