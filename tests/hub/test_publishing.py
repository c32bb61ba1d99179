"""``data publish``: checked first, then one commit; what was published is what can be fetched."""

import shutil

import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.manifest import read_manifest

PUBLISH = ("data", "publish")


def test_a_folder_becomes_one_commit_that_can_be_fetched(hub, carded, tmp_path, capsys):
    assert main([*PUBLISH, str(carded), "--repo-id", "lab/tasks", "--private"]) == 0
    out = capsys.readouterr().out
    repository = hub.repositories["lab/tasks"]
    assert repository.private
    assert repository.messages == ["initial commit", "Publish cath, chemistry"]
    files = repository.files("main")
    assert set(files) - {".gitattributes"} == {
        p.relative_to(carded).as_posix() for p in carded.rglob("*") if p.is_file()
    }
    assert all(files[name] == (carded / name).read_bytes() for name in files if name != ".gitattributes")
    commit = repository.branches["main"]
    assert f"--revision {commit}" in out
    there = tmp_path / "downloaded" / "cath"
    command = ["data", "download", "cath", "--from", "hf://datasets/lab/tasks", "--revision", commit]
    assert main(command) == 0
    assert mfbench.load_split("cath").manifest == read_manifest(carded / "cath")
    assert there.is_dir()


def test_publishing_again_sends_only_what_changed_and_drops_stale_shards(hub, carded, tmp_path):
    mine = shutil.copytree(carded, tmp_path / "mine")
    for shard in ("configurations", "fragments"):
        shutil.copy(mine / f"pool/test-1.{shard}.parquet", mine / f"pool/old.{shard}.parquet")
    assert main([*PUBLISH, str(mine), "--repo-id", "lab/tasks"]) == 0
    assert "pool/old.fragments.parquet" in hub.repositories["lab/tasks"].files("main")
    for shard in ("configurations", "fragments"):
        (mine / f"pool/old.{shard}.parquet").unlink()
    (mine / ".cache").mkdir()
    (mine / ".cache/notes").write_text("not to be published")
    hub.log.clear()
    assert main([*PUBLISH, str(mine), "--repo-id", "lab/tasks", "--message", "Tidy"]) == 0
    assert not [r for r in hub.log if r.method == "PUT"]
    files = hub.repositories["lab/tasks"].files("main")
    assert "pool/old.fragments.parquet" not in files
    assert ".cache/notes" not in files
    assert hub.repositories["lab/tasks"].messages[-1] == "Tidy"


def test_a_branch_is_made_and_main_stays(hub, carded):
    assert main([*PUBLISH, str(carded), "--repo-id", "lab/tasks", "--revision", "v2"]) == 0
    repository = hub.repositories["lab/tasks"]
    assert set(repository.files("main")) == {".gitattributes"}
    assert "cath/manifest.json" in repository.files("v2")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("pool/test-1.configurations.parquet", "is corrupted or altered"),
        ("README.md", "is not of cath as it is here: write it with"),
        (None, "is missing: write it with"),
    ],
)
def test_nothing_leaves_before_everything_is_checked(hub, carded, tmp_path, one_line, spoil, says):
    mine = shutil.copytree(carded, tmp_path / "mine")
    if spoil is None:
        (mine / "README.md").unlink()
    else:
        (mine / spoil).write_bytes((mine / spoil).read_bytes().replace(b"0", b"1"))
    assert says in one_line(*PUBLISH, str(mine), "--repo-id", "lab/tasks")
    assert hub.log == []


def test_mistakes_are_one_line(hub, carded, tmp_path, monkeypatch, one_line):
    where = (str(carded), "--repo-id")
    assert "holds no split" in one_line(*PUBLISH, str(tmp_path), "--repo-id", "lab/tasks")
    assert "is not a repository's name" in one_line(*PUBLISH, *where, "lab/tasks/of/mine")
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    assert "no permission for lab/tasks (HTTP 403)" in one_line(*PUBLISH, *where, "lab/tasks")
    monkeypatch.setenv("HF_TOKEN", "")
    assert "no permission for lab/tasks (HTTP 401)" in one_line(*PUBLISH, *where, "lab/tasks")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "run the command again" in one_line(*PUBLISH, *where, "lab/tasks")
    assert hub.repositories == {}
