"""Leakage tables, and evaluation without what another split trains on."""

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import mfbench
from mfbench.audit.leakage import measure_leakage
from mfbench.audit.train_overlap import DescribedSplit, TrainFold
from mfbench.cli import main
from mfbench.data.configuration import Configuration
from mfbench.data.environments import Environments, Reference, describe
from mfbench.data.side_tables import read_side_tables
from mfbench.data.split import Fold
from mfbench.errors import ProtocolError
from mfbench.protocol.exclusion import without_overlap

ELEMENTS = (1, 6, 7, 8)


@pytest.fixture(scope="module")
def source(small):
    split = mfbench.load_split(small)
    return DescribedSplit(split, read_side_tables(small, split))


@pytest.fixture(scope="module")
def leak(source):
    return measure_leakage(source)


def with_folds(split, **folds):
    """The same families, some in other folds (``a1_10_8="train"`` is family 1.10.8)."""
    moved = {name[1:].replace("_", "."): Fold(fold) for name, fold in folds.items()}
    return replace(split, tasks=tuple(replace(t, fold=moved.get(t.family_id, t.fold)) for t in split.tasks))


def test_an_environment_does_not_depend_on_place_orientation_or_order(source):
    c = source.split.test[0].query[0]
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    order = rng.permutation(len(c))
    moved = Configuration(c.atomic_numbers[order], (c.positions @ turn.T + 3.0)[order])
    assert np.allclose(describe(moved, ELEMENTS), describe(c, ELEMENTS)[order], atol=1e-4)


def test_an_environment_tells_elements_angles_and_distances_apart():
    def centre(numbers, positions):
        return describe(Configuration(np.array(numbers), np.array(positions, float)), ELEMENTS)[0]

    bent, straight = ([[0, 0, 0], [1, 0, 0], end] for end in ([0, 1, 0], [-1, 0, 0]))
    water = centre([8, 1, 1], bent)
    for other in (
        centre([8, 1, 6], bent),
        centre([8, 1, 1], straight),
        centre([8, 1, 1], np.multiply(bent, 1.1)),
    ):
        assert np.linalg.norm(water - other) > 0.1
    far = centre([8, 1, 1, 1], [*bent, [4.6, 0, 0]])
    assert np.array_equal(far, water)


def test_the_nearest_environment_is_of_the_same_element_and_of_another_family_where_asked():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 6)).astype(np.float32)
    numbers = np.repeat([1, 6], 20)
    families = {
        "a": Environments(numbers[::2], vectors[::2]),
        "b": Environments(numbers[1::2], vectors[1::2]),
    }
    reference = Reference(families, 100, rng)
    assert reference.distances(families["a"]) == pytest.approx(0.0, abs=1e-3)
    apart = reference.distances(families["a"], without="a")
    own, other = vectors[::2][0], vectors[1::2][:10]
    spread = np.sqrt(2 * vectors[:20].var(axis=0).sum())
    assert apart[0] == pytest.approx(np.linalg.norm(own - other, axis=1).min() / spread, rel=1e-3)
    assert np.isinf(reference.distances(Environments(np.array([26]), vectors[:1]))).all()


def test_a_clean_split_shares_neither_data_nor_sequence(leak):
    rows = leak.rows.set_index("family_id")
    assert list(rows.index) == ["1.25.40", "1.10.8", "4.10.410"]
    for column in ("family_in_train", "cluster30_in_train", "proteins_in_train", "fragments_in_train"):
        assert not rows[column].any()
    assert rows.nearest_cath.to_dict() == {
        "1.25.40": "class",
        "1.10.8": "architecture",
        "4.10.410": "none",
    }


def test_a_family_by_another_name_has_its_code_in_the_title(source):
    named = replace(source.split.test[0], family_id="c14253")
    families = source.tables.families.rename(index={"1.10.8": "c14253"})
    families.loc["c14253", "title"] = "30 % cluster of 1p3q_Q, CATH topology 1.10.510"
    split = replace(source.split, tasks=(*source.split.train, named))
    renamed = DescribedSplit(split, replace(source.tables, families=families))
    assert TrainFold(renamed).compare(named, renamed)["nearest_cath"] == "topology"
    families.loc["c14253", "title"] = "no code"
    assert TrainFold(renamed).compare(named, renamed)["nearest_cath"] == "unknown"


def test_shares_of_graphs_are_those_of_the_tasks(leak, source):
    task = source.split.test[0]
    row = leak.rows.set_index("family_id").loc[task.family_id]
    known = source.split.train_graphs
    assert row.fragment_graphs_in_train == np.mean([g in known for g in task.graphs.values()])
    query = [task.graphs[c.fragment_id] in known for c in (*task.query, *task.heldout)]
    assert 0 < row.query_graphs_in_train == np.mean(query) < 1


def test_distances_stand_beside_those_among_train_families(leak):
    ratios = leak.rows.environment_median / leak.among_train["median"]
    assert leak.rows.environment_median_ratio.tolist() == pytest.approx(ratios.tolist())
    assert (leak.rows.environment_p90 > leak.rows.environment_median).all()
    assert 0.01 < leak.among_train["median_known"] < leak.among_train["median"] < 1.0


def test_against_a_split_that_trains_on_a_test_family_everything_is_known(source):
    trained = DescribedSplit(with_folds(source.split, a1_10_8="train"), source.tables)
    found = measure_leakage(source, trained)
    row = found.rows.set_index("family_id").loc["1.10.8"]
    assert row.family_in_train
    assert row.cluster30_in_train
    assert row.nearest_cath == "topology"
    for column in ("proteins_in_train", "fragments_in_train", "query_in_train", "fragment_graphs_in_train"):
        assert row[column] == 1.0
    assert row.environment_median_ratio < 0.7


def test_the_command_prints_and_writes_the_table(small, tmp_path, capsys):
    assert main(["data", "leakage", str(small), "--out", str(tmp_path / "own")]) == 0
    assert "4.10.410" in capsys.readouterr().out
    rows = pd.read_parquet(tmp_path / "own" / "leakage.parquet")
    written = json.loads((tmp_path / "own" / "leakage.json").read_text())
    assert [row["family_id"] for row in written["families"]] == rows.family_id.tolist()
    assert set(written["summary"]) == {"validation", "test"}
    assert main(["data", "leakage", str(small), "--against", str(small), "--out", str(tmp_path / "b")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= max(80, len(str(tmp_path)) + 40)
    assert not any("…" in line for line in lines)


@pytest.mark.parametrize("between", [False, True])
def test_a_long_name_folds_and_no_number_is_cut(leak, between):
    from mfbench.cli.data.leakage import COLUMNS, SHARED, _table

    rows = leak.rows.assign(family_id="shuffled.membrane.2.40.160")
    console = Console(width=80, file=io.StringIO())
    console.print(_table(replace(leak, rows=rows), SHARED | COLUMNS if between else COLUMNS))
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    for value in leak.rows.environment_p90:
        assert f"{value:.3f}" in shown


def test_an_infinite_distance_is_null_in_json(leak, tmp_path):
    rows = leak.rows.assign(environment_median=np.inf)
    replace(leak, rows=rows).write(tmp_path)
    assert json.loads((tmp_path / "leakage.json").read_text())["families"][0]["environment_median"] is None


def test_families_of_another_train_fold_are_left_out(source):
    kept, left_out = without_overlap(source.split, with_folds(source.split, a1_10_8="train"))
    assert [t.family_id for t in kept.test] == ["4.10.410"]
    assert left_out.families == ("1.10.8",)
    assert left_out.query_configurations == 0
    assert len(kept.train) == len(source.split.train)


def test_a_shared_cluster_is_an_overlap(source):
    task = source.split.train[0]
    related = replace(task, clusters=source.split.test[0].clusters[:1])
    other = replace(source.split, tasks=(related,))
    assert without_overlap(source.split, other)[1].families == ("1.10.8",)


def test_queries_on_fragments_that_another_split_trains_on_are_left_out(source):
    known = source.split.test[0].heldout[0].fragment_id
    task = source.split.train[0]
    other = replace(source.split, tasks=(replace(task, graphs={**task.graphs, known: "g"}),))
    kept, left_out = without_overlap(source.split, other)
    assert left_out.families == ()
    assert left_out.query_configurations == 15
    assert known not in {c.fragment_id for c in kept.test[0].heldout}
    assert kept.test[0].support == source.split.test[0].support


def test_nothing_left_is_said_so(source):
    with pytest.raises(ProtocolError, match="every test family of small overlaps"):
        without_overlap(source.split, with_folds(source.split, a1_10_8="train", a4_10_410="train"))


def test_a_run_records_and_shows_what_it_left_out(source, small, tmp_path, capsys, monkeypatch):
    """The other split is a copy of the same families in which 1.10.8 is a train family."""
    from mfbench.data.manifest import FILES

    other = tmp_path / "other"
    other.mkdir()
    for name in (*FILES, "manifest.json"):
        (other / name).write_bytes((small / name).read_bytes())
    families = pd.read_parquet(other / "families.parquet")
    families.loc[families.family_id == "1.10.8", "fold"] = "train"
    families.to_parquet(other / "families.parquet")
    monkeypatch.setattr("mfbench.data.split.verify_files", lambda *_: None)
    command = ["evaluate", "-m", "constant", "-s", str(small), "--k", "5", "--draws", "1"]
    assert main([*command, "--exclude-overlap", str(other), "--out", str(tmp_path / "run")]) == 0
    assert "without 1 families and 0 other query configurations" in " ".join(
        capsys.readouterr().out.split()
    )
    request = json.loads((tmp_path / "run" / "run.json").read_text())["request"]
    assert request["exclude"]["families"] == ["1.10.8"]
    assert request["exclude"]["against"] == "small"
    assert main([*command, "--resume", "--out", str(tmp_path / "run")]) == 2  # not the same request
