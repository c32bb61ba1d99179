"""Comparing constructions: what was put into records comes out, and what was not run says so."""

import json

import numpy as np
import pytest

import mfbench
from mfbench.cli import main
from mfbench.compare.compare import compare
from mfbench.compare.comparison import Comparison
from mfbench.compare.diversity import effective_number, family_descriptors
from mfbench.compare.matrix import curves, gains, transfer
from mfbench.compare.record import Record, Trained
from mfbench.compare.text import transfer_table

FAMILIES = [f"family{i}" for i in range(8)]


def record(
    train,
    test,
    error,
    *,
    method="pretrain",
    seed=0,
    support="own",
    families=0,
    size=100,
    ks=(0, 50),
    drop=0,
    noise=0.05,
):
    """A run whose error is ``error`` (÷ 2 at K = 50), times a factor of each family that all runs share."""
    names = FAMILIES[drop:]
    rng = np.random.default_rng(seed)
    base = np.exp(np.random.default_rng(9).normal(0, 0.5, len(FAMILIES)))[drop:]
    values = {
        str(k): (error * base * np.exp(noise * rng.normal(size=len(names))) / (2 if k else 1)).tolist()
        for k in ks
    }
    return Record(
        schema=1, name=f"{train}-{test}-{seed}-{support}-{families}", method="pretrain",
        arch="mace", options={}, steps=20, split=test, data_hash=f"hash of {test}", fold="test", draws=1,
        seed=0,
        support=support, exclude=None if train == test else train, failures=[], families=names,
        groups=list(range(len(names))), costs={}, code_version="", hardware={},
        trained=Trained(
            construction=train, data_hash="", method="pretrain", seed=seed, families=families, gradients=1,
            seconds=1.0, parameters=100, sha256="",
        ),
        errors={m: {"all": values} for m in ("energy_rmse", "energy_rmse_within", "force_rmse")},
    )  # fmt: skip


def test_the_matrix_finds_what_foreign_training_costs_on_the_families_that_are_shared():
    runs = [record("a", "a", 2.0), record("b", "b", 1.0), record("a", "b", 3.0, drop=3)]
    found = {(t.trained_on, t.tested_on): t for t in transfer(runs, "force_rmse", 50)}
    cell = found["a", "b"]
    assert cell.n_families == 5
    assert cell.ratio_lo < 3.0 < cell.ratio_hi
    assert cell.ratio == pytest.approx(3.0, rel=0.1)
    assert found["b", "b"].ratio is None
    assert ("b", "a") not in found


def test_equally_good_training_has_an_interval_around_one():
    runs = [record("a", "a", 1.0, seed=1, noise=0.3), record("b", "a", 1.0, seed=1, noise=0.3)]
    away = runs[1].model_copy(update={"errors": record("b", "a", 1.0, seed=2, noise=0.3).errors})
    (cell,) = [t for t in transfer([runs[0], away], "force_rmse", 50) if t.trained_on == "b"]
    assert cell.ratio_lo < 1 < cell.ratio_hi


def test_a_cell_that_nobody_ran_says_so():
    runs = [record("a", "a", 1.0), record("a", "b", 1.0), record("b", "b", 1.0)]
    comparison = Comparison(
        schema=1,
        level_of_theory="x",
        constructions=[],
        scores=[],
        transfer=transfer(runs, "force_rmse", 50),
    )
    heads, rows = transfer_table(comparison, "pretrain")
    assert heads == ["trained on", "tested on a", "tested on b"]
    assert rows[1][1] == "not run"
    assert "not run" not in rows[0]


def test_gains_compare_the_same_meta_training_seeds():
    runs = [record("a", "a", 1.0, seed=0), record("a", "a", 40.0, seed=1)]
    wrong = record("a", "a", 1.5, seed=0, support="wrong-family", ks=(50,))
    found = {g.kind: g for g in gains([*runs, wrong]) if g.metric == "force_rmse"}
    assert found["adaptation"].value == pytest.approx(2.0, rel=0.1)
    assert found["wrong-family"].value == pytest.approx(1.5, rel=0.1)


def test_curves_end_with_the_run_that_was_trained_on_everything():
    runs = [record("a", "a", e, families=n) for n, e in ((10, 4.0), (25, 2.0), (0, 1.0))]
    found = curves(runs, "force_rmse", 50, {"a": (61, 339)})
    assert [c.n for c in found] == [10, 25, 61]
    assert found[0].value > found[1].value > found[2].value
    assert {c.over for c in found} == {"families"}


def test_another_network_or_budget_is_a_row_of_its_own():
    runs = [record("a", "a", 1.0), record("b", "a", 1.0)]
    others = [r.model_copy(update={"model": "larger"}) for r in runs]
    others += [r.model_copy(update={"steps": 300}) for r in runs]
    names = {t.method for t in transfer([*runs, *others], "force_rmse", 50)}
    assert names == {"pretrain", "pretrain, larger", "pretrain, 300 steps"}


def test_families_that_are_the_same_count_as_one_and_distant_ones_all():
    same = np.ones((7, 4))
    assert effective_number(same, 0.1) == pytest.approx(1.0)
    assert effective_number(np.eye(7), 0.01) == pytest.approx(7.0)
    halves = np.repeat(np.eye(2), 5, axis=0)
    assert effective_number(halves, 0.01) == pytest.approx(2.0)


def test_one_family_repeated_counts_as_one():
    task = mfbench.load_split("cath-mini").train[0]
    assert effective_number(*family_descriptors([task] * 5)) == pytest.approx(1.0)


def test_a_campaign_that_is_half_done_shows_what_there_is():
    wrong = record("a", "a", 1.5, seed=1, support="wrong-family", ks=(50,))
    kinds = {g.kind for g in gains([record("a", "a", 1.0, seed=0), wrong])}
    assert kinds == {"adaptation"}


def test_chemistry_holds_more_different_families_than_folds_do():
    found = {
        name: effective_number(*family_descriptors(mfbench.load_split(name).train))
        for name in ("cath-mini", "chemistry-mini")
    }
    assert found["cath-mini"] < 3
    assert found["chemistry-mini"] > 5


@pytest.fixture
def folder(tmp_path):
    split = mfbench.load_split("cath-mini")
    (tmp_path / "records").mkdir()
    for support in ("own", "wrong-family"):
        one = record("cath-mini", "cath-mini", 1.0, support=support)
        data_hash = split.manifest.data_hash
        trained = one.trained.model_copy(update={"data_hash": data_hash})
        one = one.model_copy(update={"data_hash": data_hash, "trained": trained})
        (tmp_path / "records" / f"{support}.json").write_text(one.to_json())
    return tmp_path


def test_the_command_writes_the_same_files_again_and_the_board_can_read_them(folder, capsys, monkeypatch):
    command = ["compare", str(folder / "records"), "--constructions", "cath-mini", "--out"]
    assert main([*command, str(folder / "one"), "--store", str(folder / "store")]) == 0
    # What was measured of the data is kept beside the records: no configuration is read again.
    (folder / "diversity").mkdir()
    for path in (folder / "one").glob("diversity-*.json"):
        path.rename(folder / "diversity" / path.name)
    monkeypatch.setattr("mfbench.compare.compare.load_split", lambda name: 1 / 0)
    assert main([*command, str(folder / "two")]) == 0
    texts = [(folder / place / "compare.json").read_text() for place in ("one", "two", "store")]
    assert texts[0] == texts[1] == texts[2]
    found = Comparison.model_validate(json.loads(texts[0]))
    assert found.constructions[0].diversity.train_families == 12
    assert found.constructions[0].diversity.distance_ratio == pytest.approx(1.02, abs=0.01)
    assert (folder / "one" / "compare.png").stat().st_size > 10_000
    assert "effective" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--metric", "mae"], "unknown metric 'mae'"),
        (["--k", "7"], "no run has K = 7"),
        (["--constructions", "nothing"], "unknown split 'nothing'"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, more, said):
    command = [
        "compare",
        str(folder / "records"),
        "--out",
        str(folder / "out"),
        "--constructions",
        "cath-mini",
    ]
    assert main([*command, *more]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_records_of_other_data_are_refused(folder):
    other = record("cath-mini", "cath-mini", 1.0)
    with pytest.raises(mfbench.errors.ProtocolError, match="another version of cath-mini"):
        compare([other], ["cath-mini"])
    trained = record("cath-mini", "reaction", 1.0)
    with pytest.raises(mfbench.errors.ProtocolError, match="another version of"):
        compare([trained], ["chemistry-mini"])
