"""A small folder of the published layout (pool, two constructions), and a local Hub that serves it."""

import importlib.util
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mfbench.data.manifest import OWN, data_hash
from mfbench.data.parquet import read_configurations, sha256, write_configurations
from mfbench.data.split import EMBEDDED

SOURCE = EMBEDDED / "cath-mini"
SHARDS = {
    "train-1": "1.10.510",
    "train-2": "2.40.50",
    "validation-1": "1.25.40",
    "test-1": "1.10.8",
    "test-2": "4.10.410",
}
"""Families of cath-mini, one a shard: real fragments and labels, and every shard is in one fold."""
CONSTRUCTIONS = {
    "cath": {name: name.split("-")[0] for name in SHARDS},
    "chemistry": {"train-2": "train", "validation-1": "validation", "test-2": "test"},
}


def _rows(table, column, values):
    return table.filter(pa.array([value in values for value in table[column].to_pylist()]))


def sign(folder, **changes):
    """Write a split's manifest for the files as they are."""
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    manifest["files"] = {name: sha256(folder / name) for name in manifest["files"]}
    manifest["data_hash"] = data_hash(manifest["files"])
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def write_dataset(folder: Path) -> Path:
    """Write the layout of ``tasks/data`` from five families of cath-mini."""
    pool = folder / "pool"
    pool.mkdir(parents=True)
    tables = {name: pq.read_table(SOURCE / f"{name}.parquet") for name in ("families", "roles", "draws")}
    fragments = pq.read_table(SOURCE / "fragments.parquet")
    configurations = read_configurations(SOURCE / "configurations.parquet")
    of_family = {
        row["family_id"]: {*row["pool_fragments"], *row["heldout_fragments"]}
        for row in tables["families"].to_pylist()
    }
    for shard, family in SHARDS.items():
        names = of_family[family]
        pq.write_table(
            _rows(fragments, "fragment_id", names),
            pool / f"{shard}.fragments.parquet",
            compression="zstd",
        )
        write_configurations(
            pool / f"{shard}.configurations.parquet", [c for c in configurations if c.fragment_id in names]
        )
    manifest = json.loads((SOURCE / "manifest.json").read_text())
    for name, folds in CONSTRUCTIONS.items():
        own = folder / name
        own.mkdir()
        families = {SHARDS[shard]: fold for shard, fold in folds.items()}
        for table in OWN:
            rows = _rows(tables[table.removesuffix(".parquet")], "family_id", set(families))
            if table == "families.parquet":
                fold = pa.array([families[f] for f in rows["family_id"].to_pylist()])
                rows = rows.set_column(rows.column_names.index("fold"), "fold", fold)
            pq.write_table(rows, own / table, compression="zstd")
        shards = [f"../pool/{s}.{kind}.parquet" for s in folds for kind in ("configurations", "fragments")]
        changes = manifest | {
            "name": name,
            "counts": {
                "families": len(families),
                "configurations": sum(c.fragment_id in n for f, n in of_family.items() if f in families
                                      for c in configurations),
                "test_families": list(families.values()).count("test"),
            },
            "files": dict.fromkeys([*OWN, *shards]),
        }  # fmt: skip
        (own / "manifest.json").write_text(json.dumps(changes))
        sign(own)
    return folder


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """The folder; do not alter it."""
    return write_dataset(tmp_path_factory.mktemp("dataset") / "data")


@pytest.fixture(scope="session")
def carded(dataset, tmp_path_factory):
    """The folder with its card and metadata; do not alter it."""
    pytest.importorskip("tblite")
    from mfbench_tasks.card.write import write_card

    folder = shutil.copytree(dataset, tmp_path_factory.mktemp("carded") / "data")
    recipes = Path(__file__).parents[2] / "tasks" / "recipes"
    reports = recipes.with_name("reports")
    write_card(folder, reports=reports, larger=[recipes / "million.yaml"])
    return folder


@pytest.fixture
def own_dataset(dataset, tmp_path):
    """A copy that a test may alter."""
    return shutil.copytree(dataset, tmp_path / "own")


@pytest.fixture(scope="session")
def resign():
    """Write a split's manifest for its files as they are: (folder of the split, **changes)."""
    return sign


def _server_module():
    path = Path(__file__).with_name("hub_server.py")
    spec = importlib.util.spec_from_file_location("hub_server", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SERVER = _server_module()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub of its own for each test, and a client that knows no other."""
    client = pytest.importorskip("huggingface_hub")
    client.logging.set_verbosity_error()  # its handler keeps the stderr of the first test
    # As HF_HUB_DISABLE_XET=1 does before the client is imported: large files go the LFS way.
    monkeypatch.setattr(client.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    server = SERVER.HubServer()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", SERVER.TOKEN)
    monkeypatch.setenv("MFBENCH_DATA", str(tmp_path / "downloaded"))
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def served(hub, dataset):
    """The Hub with the dataset as ``lab/tasks``; returns (server, commit)."""
    files = {p.relative_to(dataset).as_posix(): p.read_bytes() for p in dataset.rglob("*") if p.is_file()}
    repository = hub.repositories["lab/tasks"] = SERVER.Repository()
    return hub, repository.commit(files)


@pytest.fixture(scope="session")
def digest():
    """(dataset, relative name) → SHA-256."""
    return lambda folder, name: sha256(folder / name)


@pytest.fixture
def one_line(capsys):
    """Run the command line on a mistake: exit code 2, and its one line on stderr."""

    def run(*arguments):
        from mfbench.cli import main

        capsys.readouterr()
        code = main(list(arguments))
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
        assert code == 2
        assert len(lines) == 1
        return lines[0]

    return run


@pytest.fixture
def plain():
    """Start a plain web server over a folder: (folder, ranges=whether it answers them)."""
    running = []

    def start(folder, *, ranges):
        running.append(SERVER.PlainServer(folder, ranges))
        return running[-1]

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
