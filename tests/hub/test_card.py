"""The card says what the data are: generated, reproducible, and refused where a promise is broken."""

import dataclasses
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("yaml")
pytest.importorskip("tblite")

import yaml

import mfbench
from mfbench.cli import main
from mfbench.data.manifest import read_manifest
from mfbench.errors import DataError
from mfbench_tasks.card.facts import read_constructions
from mfbench_tasks.card.features import CONFIGURATIONS, SIDE_TABLES
from mfbench_tasks.card.limits import shared_places
from mfbench_tasks.card.reports import cost, project, read_reports
from mfbench_tasks.card.write import card_texts, write_card
from mfbench_tasks.pool.recipe import load_pool_recipe

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "tasks" / "reports"
MILLION = ROOT / "tasks" / "recipes" / "million.yaml"


def front(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_every_fold_is_a_list_of_whole_shards(carded):
    configs = {c["config_name"]: c for c in front(carded)["configs"]}
    assert [name for name, c in configs.items() if c.get("default")] == ["cath"]
    assert {d["split"]: d["path"] for d in configs["chemistry"]["data_files"]} == {
        fold: [f"pool/{name}.configurations.parquet"]
        for fold, name in (("train", "train-2"), ("validation", "validation-1"), ("test", "test-2"))
    }
    side = {f"{c}.{t}" for c in ("cath", "chemistry") for t in ("families", "roles", "draws")}
    assert set(configs) == {"cath", "chemistry", "fragments"} | side
    for config in configs.values():
        for files in config["data_files"]:
            assert all((carded / path).is_file() for path in files["path"])


def test_the_same_data_give_the_same_bytes(carded, tmp_path):
    copy = shutil.copytree(carded, tmp_path / "copy")
    before = {path: path.read_bytes() for path in (copy / "README.md", copy / "croissant.json")}
    for path in before:
        path.unlink()
    assert main(["data", "card", str(copy), "--reports", str(REPORTS), "--larger", str(MILLION)]) == 0
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.skipif(not (ROOT / "tasks/data/README.md").exists(), reason="tasks/data has no card yet")
def test_the_committed_card_is_of_the_committed_data():
    found = card_texts(ROOT / "tasks/data", reports=REPORTS, larger=[MILLION])
    for name, text in found.items():
        assert (ROOT / "tasks/data" / name).read_text() == text, "mfbench data card tasks/data"


def test_its_counts_are_those_of_the_split(carded):
    text = (carded / "README.md").read_text()
    for name in ("cath", "chemistry"):
        split = mfbench.load_split(carded / name)
        assert split.manifest.data_hash in text
        for fold in ("train", "validation", "test"):
            tasks = split.fold(fold)
            found = [c for t in tasks for c in t.everything]
            fragments = {f for t in tasks for f in t.graphs}
            numbers = (len(tasks), len(fragments), len(found), sum(map(len, found)))
            assert f"| {name} | {fold} | {' | '.join(f'{n:,}' for n in numbers)} |" in text


def test_every_column_is_described(dataset):
    def names(path):
        return set(pq.read_schema(path).names)

    described = {table: {f.name for f in features} for table, features in SIDE_TABLES.items()}
    assert names(dataset / "pool/test-1.configurations.parquet") == {f.name for f in CONFIGURATIONS}
    assert names(dataset / "pool/test-1.fragments.parquet") == described["fragments"]
    for table in ("families", "roles", "draws"):
        extra = {"larger_fragments"} if table == "families" else set()
        assert names(dataset / f"cath/{table}.parquet") == described[table] - extra


@pytest.mark.parametrize("how", ["two-folds", "in-part"])
def test_a_shard_that_serves_no_whole_fold_is_refused(own_dataset, resign, how):
    path = own_dataset / "cath"
    if how == "two-folds":
        first = pq.read_table(own_dataset / "pool/test-1.fragments.parquet")["fragment_id"][0].as_py()
        shard = own_dataset / "pool/train-1.configurations.parquet"
        other = pq.read_table(own_dataset / "pool/test-1.configurations.parquet")
        moved = other.filter([f == first for f in other["fragment_id"].to_pylist()])
        pq.write_table(pa.concat_tables([pq.read_table(shard), moved]), shard)
    else:
        roles = pq.read_table(path / "roles.parquet")
        pq.write_table(roles.slice(1), path / "roles.parquet")
    resign(path)
    resign(own_dataset / "chemistry")
    says = "train-1.* holds configurations of test and train" if how == "two-folds" else "only a part of"
    with pytest.raises(DataError, match=says):
        read_constructions(own_dataset)


def test_mistakes_are_one_line(own_dataset, tmp_path, capsys):
    def line(*arguments):
        assert main(["data", "card", *map(str, arguments)]) == 2
        (found,) = capsys.readouterr().err.strip().splitlines()
        return found

    assert "holds no construction" in line(tmp_path)
    shard = own_dataset / "pool/train-1.configurations.parquet"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    assert "train-1.configurations.parquet is corrupted" in line(own_dataset)
    shard.write_bytes(whole)
    (own_dataset / "gains.json").write_text("{}")
    assert "gains.json needs a list of rows" in line(own_dataset)
    (own_dataset / "gains.json").write_text('{"rows": [{"a": 1}], "data_hashes": {"cath": "0"}}')
    assert "measured on another version of cath" in line(own_dataset)


def test_what_was_measured_beside_the_data_is_shown(own_dataset):
    from mfbench.audit.leakage import measure_leakage
    from mfbench.audit.train_overlap import DescribedSplit
    from mfbench.data.side_tables import read_side_tables

    split = mfbench.load_split(own_dataset / "cath")
    source = DescribedSplit(split, read_side_tables(own_dataset / "cath", split))
    found = measure_leakage(source)
    found.write(own_dataset / "measured")
    shutil.copy(own_dataset / "measured/leakage.json", own_dataset / "cath/leakage.json")
    shutil.rmtree(own_dataset / "measured")
    rows = [{"construction": "cath", "metric": "forces", "gain": 1.0345678, "ci95": [0.98, 1.1]}]
    measured = {"note": "Own support at K = 50.", "data_hashes": {"cath": split.manifest.data_hash}}
    (own_dataset / "gains.json").write_text(json.dumps(measured | {"rows": rows}))
    write_card(own_dataset, reports=REPORTS)
    text = (own_dataset / "README.md").read_text()
    levels = found.summary()["test"]["nearest_cath"]
    shown = ", ".join(f"{level} {n}" for level, n in sorted(levels.items()))
    assert f"| cath | cath | test | 2 | 0% | {shown} |" in text
    assert "Own support at K = 50." in text
    assert "| cath | forces | 1.03 | [0.98, 1.1] |" in text


def test_admission_says_which_constructions_need_adapting(own_dataset, tmp_path):
    from mfbench_tasks.card.measured import admission

    variance = {"molecule": [0.8, 6.0], "family": [0.1, 0.9], "level": None}
    row = {"construction": "cath", "K = 0 ÷ K = 50": [1.01, 1.0, 1.02], "variance": variance}
    content = {"data_hashes": {"cath": "1"}, "rows": [row]}
    assert admission(own_dataset, {"cath": "1"}) == []
    (own_dataset / "admission.json").write_text(json.dumps(content))
    text = "\n".join(admission(own_dataset, {"cath": "1"}))
    assert "| `cath` | 1.01 [1.00, 1.02] | – | – | 80%, F = 6 | 10%, F = 0.9 | – |" in text
    assert "how pre-training generalises" in text
    (own_dataset / "admission.json").write_text(json.dumps(content | {"rows": [{"construction": "cath"}]}))
    with pytest.raises(DataError, match=r"scripts/admission\.py"):
        admission(own_dataset, {"cath": "1"})


STALE = {
    "of another version": ({"data_hashes": {"cath": "0"}}, "measured on another version of cath"),
    "of a version not said": ({"data_hashes": {}}, "does not say on which version of cath"),
    "of something else": (
        {"data_hashes": {"x": "0"}, "rows": [{"construction": "x"}]},
        "describes x, which is not in this folder",
    ),
}


@pytest.mark.parametrize(("change", "says"), STALE.values(), ids=STALE)
@pytest.mark.parametrize("file", ["admission.json", "gains.json", "cath/leakage.json"])
def test_no_card_is_made_of_what_was_measured_on_other_data(own_dataset, change, says, file, capsys):
    content = {"rows": [{"construction": "cath"}]} | change
    (own_dataset / file).write_text(json.dumps(content))
    assert main(["data", "card", str(own_dataset), "--reports", str(REPORTS)]) == 2
    assert says in capsys.readouterr().err


def test_what_is_measured_beside_the_published_data_is_of_them():
    """Each file by itself, levels included, and every construction that it describes."""
    data = ROOT / "tasks" / "data"
    hashes = {p.parent.name: read_manifest(p.parent).data_hash for p in data.glob("*/manifest.json")}
    files = sorted(
        [*data.glob("admission*.json"), *data.glob("gains*.json"), *data.glob("*/leakage*.json")]
    )
    assert len(files) > 5
    for path in files:
        content = json.loads(path.read_text())
        described = {row["construction"] for row in content.get("rows", ())} or {content["split"]}
        assert described <= set(content["data_hashes"]), path
        assert content["data_hashes"] == {name: hashes[name] for name in content["data_hashes"]}, path


def test_cost_and_projection_come_from_the_build_reports(carded):
    reports = read_reports(REPORTS)
    measured = cost(reports, "proteins")
    recipe = load_pool_recipe(MILLION)
    found = project(recipe, measured, 300.0)
    assert found.configurations >= 1_000_000
    assert found.entries >= 2000
    assert found.core_hours == pytest.approx(found.configurations * measured.each / 3600)
    text = (carded / "README.md").read_text()
    assert f"| {measured.configurations:,} | {measured.each:.3f} | {measured.label:.4f} |" in text
    assert f"| `million` | {found.entries:,} | {found.configurations:,} | {found.core_hours:,.0f} |" in text
    stated = f"{found.configurations / 1e6:.1f} million configurations from {found.entries:,} entries"
    assert stated in " ".join((ROOT / "docs" / "data.md").read_text().split())
    rejected = sum(len(r["rejections"]) for r in reports.values())
    assert rejected == sum(int(n) for n in _rejected(text))


def test_reports_without_costs_and_of_deep_pools_are_not_mixed_in(tmp_path):
    (tmp_path / "pool").mkdir()
    report = json.loads((REPORTS / "pool" / "b07.json").read_text())
    unknown = ("cost", "configurations_dropped_by_gate", "worst_finite_difference_eV_per_A")
    variants = {
        "b01": report,
        "audited": report | dict.fromkeys(unknown),
        "deep": report | {"tried": {}},
        "sites": report | {"tried": {"site": 9}},
    }
    for name, content in variants.items():
        (tmp_path / "pool" / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "pool" / "other.json").write_text('{"families": {}}')
    found = read_reports(tmp_path)
    assert set(found) == set(variants)
    one = report["configurations"]
    assert [cost(found, part).configurations for part in ("proteins", "deep", "others", None)] == [
        one, one, one, 3 * one,
    ]  # fmt: skip
    assert cost(found).each == pytest.approx(cost(found, "proteins").each)


def _rejected(text):
    table = text.partition("## What was rejected")[2].partition("Single configurations")[0]
    return [
        line.split("|")[3].split()[0]
        for line in table.splitlines()
        if line.startswith("| ") and "%" in line
    ]


def test_places_that_two_folds_share_are_counted(dataset):
    construction = read_constructions(dataset)[0][1]
    assert shared_places(construction) == {}
    fragments = construction.fragments.copy()
    one = fragments.index[fragments.fold == "train"][0]
    two = fragments.index[fragments.fold == "test"][0]
    fragments.loc[[one, two], "kind"] = "site"
    fragments.loc[[one, two], "pdb_id"] = "1abc"
    fragments.loc[[one, two], "chain"] = "A"
    fragments.loc[one, "residues"] = "ZN-CCCC A501"
    fragments.loc[two, "residues"] = "CD-CCCC built A501"
    changed = dataclasses.replace(construction, fragments=fragments)
    assert list(shared_places(changed).values()) == [1]


def test_a_self_contained_split_is_named_not_hidden(own_dataset, capsys):
    shutil.copytree(mfbench.data.split.EMBEDDED / "cath-mini", own_dataset / "cath-mini")
    lines = []
    write_card(own_dataset, reports=REPORTS, log=lines.append)
    assert lines == ["cath-mini: complete in itself, no part of the card"]
