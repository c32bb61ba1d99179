"""``data download``: pinned, checked, resumed, never half there."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.manifest import read_manifest
from mfbench.data.parquet import sha256

HUB = "hf://datasets/lab/tasks"


def shards(folder, split):
    """Repository paths of a split's shards → SHA-256."""
    files = read_manifest(folder / split).files
    return {name.removeprefix("../"): sha for name, sha in files.items() if name.startswith("../")}


def listed(folder: Path):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def target(tmp_path):
    return tmp_path / "downloaded"


@pytest.mark.parametrize("url", [False, True], ids=["folder", "fsspec"])
def test_a_split_comes_with_its_shards_and_no_others(dataset, tmp_path, monkeypatch, url):
    monkeypatch.setenv("MFBENCH_DATA", str(tmp_path))
    where = dataset.as_uri() if url else str(dataset)
    assert main(["data", "download", "chemistry", "--from", where]) == 0
    own = [f"chemistry/{name}" for name in ("draws", "families", "roles")]
    pool = [f"pool/{s}.{k}" for s in ("test-2", "train-2", "validation-1")
            for k in ("configurations", "fragments")]  # fmt: skip
    assert listed(tmp_path) == sorted(["chemistry/manifest.json", *(f"{f}.parquet" for f in own + pool)])
    assert [t.fold for t in mfbench.load_split("chemistry").tasks] == ["validation", "train", "test"]


def test_the_hub_is_asked_at_one_commit_and_for_nothing_twice(served, target, dataset, capsys):
    server, commit = served
    assert main(["data", "download", "cath", "--from", HUB]) == 0
    assert "13 files fetched, 0 were there" in capsys.readouterr().out
    asked = [r for r in server.log if "/resolve/" in r.path]
    assert {r.path.split("/resolve/")[1].split("/")[0] for r in asked} == {commit}
    wanted = {sha for split in ("cath",) for sha in read_manifest(dataset / split).files.values()}
    assert server.fetched() == {
        sha256(p): p.stat().st_size for p in dataset.rglob("*.parquet") if sha256(p) in wanted
    }
    # Another construction over the same shards: its own tables only.
    server.log.clear()
    assert main(["data", "download", "chemistry", "--from", HUB]) == 0
    assert len(server.fetched()) == 3
    # Everything is there: the manifest is looked at, and nothing else moves.
    server.log.clear()
    assert main(["data", "download", "cath", "--from", HUB]) == 0
    assert server.fetched() == {}
    assert not (target / ".download").exists()
    assert main(["data", "verify", "cath"]) == 0


def test_a_revision_can_be_chosen(served, target, own_dataset, resign):
    server, first = served
    resign(own_dataset / "cath", version="9.9.9")
    files = {p.relative_to(own_dataset).as_posix(): p.read_bytes() for p in own_dataset.rglob("*.*")}
    second = server.repositories["lab/tasks"].commit(files)
    for revision, version in (("main", "9.9.9"), (first, "1.0.0"), (second, "9.9.9")):
        assert main(["data", "download", "cath", "--from", HUB, "--revision", revision]) == 0
        assert read_manifest(target / "cath").version == version
    assert main(["data", "download", "cath", "--from", f"{HUB}@{first}"]) == 0
    assert read_manifest(target / "cath").version == "1.0.0"


def test_a_broken_connection_goes_on_where_it_broke(served, target, dataset):
    server, _ = served
    name = "pool/test-1.configurations.parquet"
    digest, size = sha256(dataset / name), (dataset / name).stat().st_size
    server.cut[digest] = size // 2
    assert main(["data", "download", "cath", "--from", HUB]) == 0
    requests = [r for r in server.log if r.path.endswith(digest) and r.method == "GET"]
    assert [r.range is None for r in requests] == [True, False]
    start = int(requests[1].range.removeprefix("bytes=").removesuffix("-"))
    assert size // 2 - 2**14 < start <= size // 2
    assert requests[1].sent == size - start
    assert sha256(target / name) == digest


def test_a_killed_download_shows_nothing_and_goes_on(served, target, dataset):
    """kill -9 while the last shards are on their way."""
    server, _ = served
    late = {sha256(dataset / f"pool/{s}.configurations.parquet") for s in ("validation-1", "train-2")}
    server.slow = set(late)
    command = [sys.executable, "-m", "mfbench", "data", "download", "cath", "--from", HUB]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(server.fetched()) < 11 and time.monotonic() < deadline:
        assert process.poll() is None, "the download ended before it could be killed"
        time.sleep(0.02)
    time.sleep(0.3)  # what was sent is written and checked
    process.kill()
    process.wait()
    assert not (target / "cath").exists()
    with pytest.raises(mfbench.errors.UnknownNameError):
        mfbench.data.split.find_split(target / "cath")
    server.slow.clear()
    server.released.set()
    server.log.clear()
    assert main(["data", "download", "cath", "--from", HUB]) == 0
    assert late <= set(server.fetched())
    assert len(server.fetched()) < 13
    assert mfbench.load_split(target / "cath").name == "cath"


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no-ranges"])
def test_half_a_file_from_a_url_is_finished(dataset, target, plain, ranges):
    """Where the server can start in the middle, only the rest is read."""
    pytest.importorskip("aiohttp")
    name = "pool/test-1.configurations.parquet"
    digest, whole = sha256(dataset / name), (dataset / name).read_bytes()
    staging = target / ".download" / "cath"
    staging.mkdir(parents=True)
    (staging / f"{digest[:16]}-{Path(name).name}.part").write_bytes(whole[:1000])
    server = plain(dataset, ranges=ranges)
    assert main(["data", "download", "cath", "--from", server.url, "--to", str(target)]) == 0
    assert sha256(target / name) == digest
    sent = [size for path, size in server.sent if path == f"/{name}"]
    assert sum(sent) >= len(whole) - 1000
    assert (max(sent) < len(whole)) == ranges
    assert mfbench.load_split(target / "cath").name == "cath"


def test_a_tampered_shard_is_refused_and_the_mended_one_taken(served, target, one_line):
    server, _ = served
    files = dict(server.repositories["lab/tasks"].files("main"))
    name = "pool/test-1.configurations.parquet"
    good, files[name] = files[name], files[name][:-1] + b"!"
    altered = hashlib.sha256(files[name]).hexdigest()
    server.repositories["lab/tasks"].commit(files)
    line = one_line("data", "download", "cath", "--from", HUB)
    assert name in line
    assert "SHA-256 differs" in line
    assert not (target / "cath").exists()
    files[name] = good
    server.repositories["lab/tasks"].commit(files, message="mended")
    before = set(server.fetched())
    server.log.clear()
    assert main(["data", "download", "cath", "--from", HUB]) == 0
    assert altered in before
    assert not before & set(server.fetched())
    assert main(["data", "verify", "cath"]) == 0


def test_an_older_version_stays_until_the_new_one_is_whole(served, target, own_dataset, resign, one_line):
    server, _ = served
    assert main(["data", "download", "cath", "--from", HUB]) == 0
    (own_dataset / "cath/roles.parquet").write_bytes((own_dataset / "cath/roles.parquet").read_bytes())
    shard = own_dataset / "pool/train-1.configurations.parquet"
    shard.write_bytes((own_dataset / "pool/train-2.configurations.parquet").read_bytes())
    resign(own_dataset / "cath", version="2.0.0")
    files = {p.relative_to(own_dataset).as_posix(): p.read_bytes() for p in own_dataset.rglob("*.*")}
    whole, files[f"pool/{shard.name}"] = files[f"pool/{shard.name}"], b"not it"
    server.repositories["lab/tasks"].commit(files)
    one_line("data", "download", "cath", "--from", HUB)
    assert mfbench.load_split(target / "cath").manifest.version == "1.0.0"
    files[f"pool/{shard.name}"] = whole
    server.repositories["lab/tasks"].commit(files, message="mended")
    assert main(["data", "download", "cath", "--from", HUB]) == 0
    assert read_manifest(target / "cath").version == "2.0.0"


def test_a_shard_that_another_split_uses_is_not_replaced(dataset, own_dataset, tmp_path, resign, one_line):
    to = tmp_path / "to"
    assert main(["data", "download", "chemistry", "--from", str(dataset), "--to", str(to)]) == 0
    shard = own_dataset / "pool/train-2.configurations.parquet"
    shard.write_bytes((own_dataset / "pool/train-1.configurations.parquet").read_bytes())
    resign(own_dataset / "cath")
    line = one_line("data", "download", "cath", "--from", str(own_dataset), "--to", str(to))
    assert "chemistry in" in line
    assert "--to" in line
    assert mfbench.load_split(to / "chemistry").name == "chemistry"


def test_mistakes_are_one_line(served, dataset, tmp_path, monkeypatch, one_line):
    server, _ = served
    get = ("data", "download")
    assert "it has cath, chemistry" in one_line(*get, "carth", "--from", HUB)
    assert "it has cath, chemistry" in one_line(*get, "carth", "--from", str(dataset))
    assert "is not the name of a split" in one_line(*get, "../cath", "--from", HUB)
    assert "no revision 'v7'" in one_line(*get, "cath", "--from", HUB, "--revision", "v7")
    assert "no dataset repository lab/task," in one_line(*get, "cath", "--from", HUB[:-1])
    assert "hf://datasets/<owner>/<name>" in one_line(*get, "cath", "--from", "hf://lab/tasks")
    assert "no folder" in one_line(*get, "cath", "--from", str(tmp_path / "nowhere"))
    assert "has none" in one_line(*get, "cath", "--from", str(dataset), "--revision", "main")
    assert "cannot be opened" in one_line(*get, "cath", "--from", "carrier-pigeon://here")
    assert "say where from" in one_line(*get, "cath")
    server.repositories["lab/tasks"].private = True
    monkeypatch.setenv("HF_TOKEN", "hf_stranger")
    assert "you may not read it" in one_line(*get, "cath", "--from", HUB)
    server.repositories["lab/tasks"].private = False
    server.refused = {sha256(dataset / "cath/roles.parquet")}
    assert "no permission" in one_line(*get, "cath", "--from", HUB)
    assert not (tmp_path / "downloaded" / "cath").exists()


def test_without_a_network_it_says_so(monkeypatch, tmp_path, one_line):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "run the command again" in one_line("data", "download", "cath", "--from", HUB)
    assert "cannot be fetched" in one_line(
        "data", "download", "cath", "--from", "http://127.0.0.1:9/data", "--to", str(tmp_path)
    )


def test_a_manifest_cannot_reach_out_of_its_folder(own_dataset, tmp_path, one_line):
    path = own_dataset / "cath/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = {"../../../etc/x.parquet": "0" * 64, **manifest["files"]}
    path.write_text(json.dumps(manifest))
    line = one_line("data", "download", "cath", "--from", str(own_dataset), "--to", str(tmp_path / "to"))
    assert "the file list is not that of a split" in line
