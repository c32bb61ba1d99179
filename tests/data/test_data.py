"""Damaged, altered and missing data; requests that a split cannot meet."""

import json
import shutil

import pytest

import mfbench
from mfbench.data.manifest import FILES, data_hash
from mfbench.errors import DataError, ProtocolError, UnknownNameError


@pytest.fixture
def damaged(split_folder, tmp_path):
    """A copy of the split that a test may damage."""
    return shutil.copytree(split_folder, tmp_path / "copy")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_byte_is_found(damaged, name):
    content = bytearray((damaged / name).read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} is corrupted"):
        mfbench.load_split(damaged)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("verify", [True, False])
def test_a_truncated_file_is_found_even_without_hashes(damaged, name, verify):
    path = damaged / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=name):
        mfbench.load_split(damaged, verify=verify)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(damaged, name):
    (damaged / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        mfbench.load_split(damaged)


@pytest.mark.parametrize("text", ["", "{}", "\x00", '{"schema": 1'])
def test_a_damaged_manifest_is_named(damaged, text):
    (damaged / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="is not a manifest"):
        mfbench.load_split(damaged)


def test_a_manifest_whose_hash_was_edited_is_refused(damaged):
    manifest = json.loads((damaged / "manifest.json").read_text())
    manifest["files"]["draws.parquet"] = "0" * 64
    (damaged / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="does not fit the file list"):
        mfbench.load_split(damaged)


@pytest.fixture
def shared(split_folder, tmp_path):
    """The split as a construction over a pool of one block."""
    folder = shutil.copytree(split_folder, tmp_path / "data" / "shared")
    (tmp_path / "data" / "pool").mkdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    for kind in ("configurations", "fragments"):
        name = f"../pool/b1.{kind}.parquet"
        (folder / f"{kind}.parquet").rename(folder / name)
        manifest["files"][name] = manifest["files"].pop(f"{kind}.parquet")
    write_manifest(folder, manifest)
    return folder


def write_manifest(folder, manifest):
    manifest["data_hash"] = data_hash(manifest["files"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_construction_takes_its_configurations_from_the_pool_beside_it(shared, split, monkeypatch):
    for name in (shared, "shared"):
        loaded = mfbench.load_split(name)
        assert [t.graphs for t in loaded.tasks] == [t.graphs for t in split.tasks]
        assert [c.config_id for c in loaded.train_configurations] == [
            c.config_id for c in split.train_configurations
        ]
        monkeypatch.setenv("MFBENCH_DATA", str(shared.parent))
    assert "shared" in mfbench.available_splits()
    with pytest.raises(UnknownNameError, match="unknown split 'pool'"):
        mfbench.load_split("pool")


@pytest.mark.parametrize("kind", ["configurations", "fragments"])
def test_an_altered_or_missing_block_is_named(shared, kind):
    path = shared.parent / "pool" / f"b1.{kind}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"b1\.{kind}\.parquet is corrupted"):
        mfbench.load_split(shared)
    path.unlink()
    with pytest.raises(DataError, match=rf"b1\.{kind}\.parquet is missing"):
        mfbench.load_split(shared)


@pytest.mark.parametrize(
    "place",
    [
        "../../secret",
        "../pool/../secret",
        "../pool/..",
        "../pool/a/b",
        "../other/b1",
        "pool/b1",
        "/etc/b1",
        "..\\pool\\b1",
        "../pool/\n../b1",
        "../pool/.b1",
    ],
)
def test_a_manifest_leads_nowhere_but_to_the_pool_beside_it(shared, place):
    manifest = json.loads((shared / "manifest.json").read_text())
    for kind in ("configurations", "fragments"):
        manifest["files"][f"{place}.{kind}.parquet"] = manifest["files"].pop(f"../pool/b1.{kind}.parquet")
    write_manifest(shared, manifest)
    with pytest.raises(DataError, match="the file list is not that of a split"):
        mfbench.load_split(shared, verify=False)


def test_a_block_without_its_fragments_is_refused(shared):
    manifest = json.loads((shared / "manifest.json").read_text())
    manifest["files"].pop("../pool/b1.fragments.parquet")
    write_manifest(shared, manifest)
    with pytest.raises(DataError, match="the file list is not that of a split"):
        mfbench.load_split(shared)


def test_errors_are_one_line(damaged):
    (damaged / "configurations.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError) as found:
        mfbench.load_split(damaged, verify=False)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("split_name", ["nope", "/nowhere", ""])
def test_unknown_split(split_name):
    with pytest.raises(UnknownNameError, match="unknown split"):
        mfbench.load_split(split_name)


@pytest.mark.parametrize(
    ("request_", "kind", "message"),
    [
        ({"method": "nope"}, UnknownNameError, "unknown method 'nope': choose one of constant, "),
        ({"backend": "fortran"}, UnknownNameError, "unknown backend 'fortran'"),
        ({"arch": "mlp"}, UnknownNameError, "unknown architecture 'mlp'"),
        ({"fold": "secret"}, UnknownNameError, "unknown fold 'secret': choose one of train, "),
        ({"support": "friends"}, UnknownNameError, "unknown support 'friends'"),
        ({"ks": [5, 11]}, ProtocolError, "K = 11 is not possible"),
        ({"ks": [-5]}, ProtocolError, "K = -5 is not possible"),
        ({"ks": []}, ProtocolError, "no support size"),
        ({"draws": 4}, ProtocolError, "4 draws are not published"),
        ({"draws": 0}, ProtocolError, "0 draws"),
        ({"workers": 0}, ProtocolError, "--workers takes a number of processes"),
    ],
)
def test_a_request_that_cannot_be_met_leaves_nothing_behind(split, tmp_path, request_, kind, message):
    arguments = {"method": "constant", "ks": [5], "draws": 1, "out": tmp_path / "run"} | request_
    with pytest.raises(kind, match=message):
        mfbench.evaluate(arguments.pop("method"), split, **arguments)
    assert not (tmp_path / "run").exists()


def test_a_fold_without_families(make_split, tmp_path):
    folder = make_split(tmp_path, folds={"train": 2, "test": 1})
    with pytest.raises(ProtocolError, match="has no validation families"):
        mfbench.evaluate("constant", folder, fold="validation", draws=1)
    with pytest.raises(ProtocolError, match="needs two families"):
        mfbench.evaluate("constant", folder, support="wrong-family", draws=1)


def test_the_default_support_sizes_are_those_that_the_split_can_give(split):
    assert mfbench.evaluate("constant", split, draws=1).ks == [0, 5, 10]
