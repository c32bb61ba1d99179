"""Other people's tools read the folder: ``datasets`` and ``mlcroissant``, offline."""

import itertools
import json
import logging

import numpy as np
import pytest

import mfbench


@pytest.fixture
def offline(monkeypatch, tmp_path):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True, raising=False)
    datasets.disable_progress_bars()
    return datasets, str(tmp_path / "cache")


def first(split, fold):
    return {c.config_id: c for t in split.fold(fold) for c in t.everything}


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])
def test_datasets_reads_folds_with_the_right_shapes(offline, carded, streaming):
    datasets, cache = offline
    split = mfbench.load_split(carded / "cath")
    found = datasets.load_dataset(str(carded), "cath", cache_dir=cache, streaming=streaming)
    assert set(found) == {"train", "validation", "test"}
    for fold, rows in found.items():
        wanted = first(split, fold)
        rows = list(rows if not streaming else itertools.islice(rows, 50))
        assert len(rows) == (50 if streaming else len(wanted))
        for row in rows[:50]:
            c = wanted[row["config_id"]]
            assert np.array_equal(row["atomic_numbers"], c.atomic_numbers)
            assert np.shape(row["positions"]) == np.shape(row["atomic_forces"]) == (len(c), 3)
            assert np.array_equal(np.array(row["positions"]), c.positions)
            assert np.array_equal(np.array(row["atomic_forces"]), c.forces)
            assert (row["energy"], row["total_charge"]) == (c.energy, c.total_charge)


def test_datasets_reads_the_side_tables(offline, carded):
    datasets, cache = offline
    split = mfbench.load_split(carded / "chemistry")
    draws = datasets.load_dataset(
        str(carded), "chemistry.draws", split="draws", cache_dir=cache
    ).to_pandas()
    for task in split.tasks:
        mine = draws[(draws.family_id == task.family_id) & (draws.draw == 0)].sort_values("rank")
        assert mine.config_id.tolist() == [task.support[i].config_id for i in task.draws[0]]
    fragments = datasets.load_dataset(str(carded), "fragments", split="fragments", cache_dir=cache)
    assert len(fragments) == 45
    families = datasets.load_dataset(str(carded), "cath.families", split="families", cache_dir=cache)
    assert len(families) == 5


@pytest.fixture
def croissant(carded):
    mlcroissant = pytest.importorskip("mlcroissant")
    logging.getLogger("absl").setLevel(logging.ERROR)
    return mlcroissant.Dataset(jsonld=str(carded / "croissant.json"))


def test_croissant_is_valid_and_its_records_are_the_data(croissant, carded):
    assert not croissant.metadata.issues.errors
    wanted = first(mfbench.load_split(carded / "cath"), "test")
    rows = list(croissant.records(record_set="cath/test"))
    assert len(rows) == len(wanted)
    for row in rows[:20]:
        c = wanted[row["cath/test/config_id"].decode()]
        assert np.array_equal(np.array(row["cath/test/positions"]), c.positions)
        assert np.array_equal(np.array(row["cath/test/atomic_forces"]), c.forces)
        assert row["cath/test/energy"] == c.energy


def test_croissant_names_every_file_with_its_hash(carded, digest):
    content = json.loads((carded / "croissant.json").read_text())
    files = {f["@id"]: f["sha256"] for f in content["distribution"] if f["@type"] == "cr:FileObject"}
    there = {p.relative_to(carded).as_posix() for p in carded.rglob("*.parquet")}
    assert set(files) == there
    assert all(digest(carded, name) == sha for name, sha in files.items())


def test_every_record_set_can_be_read(croissant):
    names = [r.uuid for r in croissant.metadata.record_sets]
    assert len(names) == 2 * 3 + 2 * 3 + 1
    for name in names:
        assert next(iter(croissant.records(record_set=name)))
