"""Labels at further levels travel beside geometries: downloaded, published, exported, read by others."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.label_table import write_labels
from mfbench.data.levels import EnergyShift, LevelCard, write_level
from mfbench.data.manifest import OWN, data_hash, read_manifest
from mfbench.data.parquet import sha256
from mfbench.errors import DataError

SHIFT = EnergyShift(elements={1: 0.25, 6: 0.5, 7: 0.0, 8: -0.5, 16: 0.0}, anion=2.0, bonds={"C3-O1": -1.5})
AT = {"train": ("gfn2", "half"), "validation": ("half",), "test": ("half",)}
"""Fold → levels of its tasks. At ``half`` forces are half of GFN2's, energies what ``SHIFT`` puts right."""


def _half(folder, split):
    """Tables of labels in two parts, and one of a level that no split names."""
    found = {c.config_id: c for t in split.tasks for c in t.everything}
    labels = {n: (c.energy - SHIFT.of(c), c.forces / 2) for n, c in sorted(found.items())}
    names = list(labels)
    for level, parts in {"half": (names[::2], names[1::2]), "unused": (names[:3],)}.items():
        place = folder / "labels" / level
        place.mkdir(parents=True)
        files = {}
        for i, part in enumerate(parts):
            write_labels(place / f"part-{i:04d}.parquet", {n: labels[n] for n in part})
            files[f"part-{i:04d}.parquet"] = sha256(place / f"part-{i:04d}.parquet")
        write_level(
            place,
            LevelCard(
                name=level, description="half of GFN2", citation="nobody", settings={}, tools={},
                isolated_atom_energies_eV={}, labels=sum(map(len, parts)), failed={"x/y": "no SCF"},
                seconds_per_label=0.5, files=files,
            ),
        )  # fmt: skip


@pytest.fixture(scope="module")
def labelled(dataset, tmp_path_factory):
    """The folder with a construction whose tasks are a family at a level, and with its card."""
    pytest.importorskip("tblite")
    from mfbench_tasks.card.write import write_card

    folder = shutil.copytree(dataset, tmp_path_factory.mktemp("labelled") / "data")
    cath = mfbench.load_split(folder / "cath")
    _half(folder, cath)
    own = folder / "levels"
    own.mkdir()
    for table in OWN:
        rows = pq.read_table(folder / "cath" / table).to_pylist()
        fold = {t.family_id: str(t.fold) for t in cath.tasks}
        rows = [
            {**row, "family_id": f"{level}.{row['family_id']}"}
            | ({"family": row["family_id"], "level": level} if table == "families.parquet" else {})
            for row in rows
            for level in AT[fold[row["family_id"]]]
        ]
        pq.write_table(pa.Table.from_pylist(rows), own / table)
    manifest = json.loads((folder / "cath" / "manifest.json").read_text())
    shards = [name for name in manifest["files"] if name.startswith("../")]
    labels = [f"../labels/half/{name}" for name in ("level.json", "part-0000.parquet", "part-0001.parquet")]
    files = {name: sha256(own / name) for name in (*OWN, *shards, *labels)}
    shift = {"half": SHIFT}
    manifest |= {
        "name": "levels",
        "files": files,
        "data_hash": data_hash(files, shift),
        "energy_shifts": {"half": SHIFT.model_dump(mode="json")},
        "recipe": {**manifest["recipe"], "reference": "gfn2"},
        "counts": {**manifest["counts"], "test_graphs": 3, "test_graphs_in_train": 1},
    }
    (own / "manifest.json").write_text(json.dumps(manifest))
    recipes = mfbench.data.split._CHECKOUT.with_name("recipes")
    write_card(folder, reports=recipes.with_name("reports"), larger=[])
    return folder


def same(one, two):
    for a, b in zip(one.tasks, two.tasks, strict=True):
        assert (a.family_id, a.level) == (b.family_id, b.level)
        for c, d in zip(a.everything, b.everything, strict=True):
            assert (c.config_id, c.energy) == (d.config_id, d.energy)
            np.testing.assert_array_equal(c.forces, d.forces)
    assert one.manifest == two.manifest


def test_a_task_has_its_level_s_labels_on_the_split_s_scale(labelled):
    cath, levels = (mfbench.load_split(labelled / name) for name in ("cath", "levels"))
    plain = {c.config_id: c for t in cath.tasks for c in t.everything}
    for task in levels.tasks:
        share = 0.5 if task.level == "half" else 1.0
        for c in task.everything:
            assert c.energy == pytest.approx(plain[c.config_id].energy, abs=1e-9)
            np.testing.assert_allclose(c.forces, share * plain[c.config_id].forces, atol=2**-12)


@pytest.mark.parametrize("url", [False, True], ids=["folder", "fsspec"])
def test_a_split_comes_with_the_labels_that_it_names_and_no_others(labelled, tmp_path, monkeypatch, url):
    monkeypatch.setenv("MFBENCH_DATA", str(tmp_path))
    where = labelled.as_uri() if url else str(labelled)
    assert main(["data", "download", "levels", "--from", where]) == 0
    found = sorted(p.relative_to(tmp_path).as_posix() for p in (tmp_path / "labels").rglob("*.*"))
    assert found == [f"labels/half/{n}" for n in ("level.json", "part-0000.parquet", "part-0001.parquet")]
    same(mfbench.load_split(tmp_path / "levels"), mfbench.load_split(labelled / "levels"))


def test_what_is_published_with_labels_can_be_fetched(hub, labelled, tmp_path):
    assert main(["data", "publish", str(labelled), "--repo-id", "lab/tasks"]) == 0
    files = hub.repositories["lab/tasks"].files("main")
    part = "labels/half/part-0001.parquet"
    assert files[part] == (labelled / part).read_bytes()
    assert main(["data", "download", "levels", "--from", "hf://datasets/lab/tasks"]) == 0
    same(mfbench.load_split("levels"), mfbench.load_split(labelled / "levels"))


def test_an_altered_table_of_labels_is_neither_published_nor_kept(hub, labelled, tmp_path, one_line):
    mine = shutil.copytree(labelled, tmp_path / "mine")
    part = mine / "labels" / "half" / "part-0001.parquet"
    shutil.copy(mine / "labels" / "half" / "part-0000.parquet", part)
    said = one_line("data", "publish", str(mine), "--repo-id", "lab/tasks")
    assert "part-0001.parquet is corrupted or altered" in said
    assert "part-0001.parquet" in one_line("data", "download", "levels", "--from", str(mine))
    assert not (tmp_path / "downloaded" / "levels" / "manifest.json").exists()


def test_an_energy_scale_that_was_altered_is_noticed(labelled, tmp_path):
    mine = shutil.copytree(labelled, tmp_path / "mine")
    path = mine / "levels" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["energy_shifts"]["half"]["anion"] += 0.001
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="data hash does not fit"):
        mfbench.load_split(mine / "levels")


def test_datasets_reads_labels_offline_and_they_join_the_geometries(labelled, monkeypatch, tmp_path):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True, raising=False)
    datasets.disable_progress_bars()
    load = lambda *what, **how: datasets.load_dataset(str(labelled), *what, cache_dir=str(tmp_path), **how)  # noqa: E731
    rows = {row["config_id"]: row for row in load("levels", split="half")}
    levels = mfbench.load_split(labelled / "levels")
    asked = {c.config_id: c for t in levels.tasks if t.level == "half" for c in t.everything}
    assert rows.keys() == asked.keys()
    geometries = {row["config_id"]: row for row in load("cath", split="test")}
    for task in levels.test:
        for c in task.query[:5]:
            row, geometry = rows[c.config_id], geometries[c.config_id]
            np.testing.assert_array_equal(np.array(row["atomic_forces"]), c.forces)
            assert row["energy"] + SHIFT.of(c) == pytest.approx(c.energy, abs=1e-9)
            np.testing.assert_array_equal(np.array(geometry["positions"]), c.positions)
    families = load("levels.families", split="families")
    assert set(families["level"]) == {"gfn2", "half"}


def test_the_export_says_which_level_a_file_has_and_on_which_scale(labelled, tmp_path):
    ase_io = pytest.importorskip("ase.io")
    out = tmp_path / "xyz"
    assert main(["data", "export", str(labelled / "levels"), "--out", str(out)]) == 0
    task = mfbench.load_split(labelled / "levels").test[0]
    [first, *_] = ase_io.read(out / "test" / f"{task.family_id}.query.extxyz", index=":")
    assert task.family_id.startswith("half.")
    assert first.get_potential_energy() == task.query[0].energy
    np.testing.assert_array_equal(first.get_forces(), task.query[0].forces)
    said = (out / "README.txt").read_text()
    assert "family's name begins with its level of theory: gfn2, half" in said
    assert "C3-O1" in said


def test_the_card_shows_levels_with_what_was_refused(labelled):
    card = (labelled / "README.md").read_text()
    assert read_manifest(labelled / "levels").data_hash in card
    assert "| half |" in card
    assert "config_name: levels\n" in card
