"""The page of runs, as `make demo` ends with it: errors, gains of own labels alone, and what was run."""

import json
from dataclasses import replace

import pytest

import run_table
from mfbench import load_split
from mfbench.cli import main
from mfbench_campaign.folders import RESULTS
from mfbench_campaign.run_table.rows import ratios_of
from mfbench_campaign.run_table.runs import Measured, Run, measured


@pytest.fixture
def runs(tmp_path):
    """`constant` with its own labels and with a wrong family's, on two test families of cath-mini."""
    asked = ["evaluate", "-m", "constant", "-s", "cath-mini", "--draws", "1", "--k", "0,10"]
    assert main([*asked, "--out", str(tmp_path / "own")]) == 0
    assert main([*asked, "--support", "wrong-family", "--out", str(tmp_path / "wrong")]) == 0
    return [tmp_path / "own", tmp_path / "wrong"]


def page(runs, out, monkeypatch):
    words = ["run_table", *map(str, runs), "--out", str(out), "--title", "Ten labels"]
    monkeypatch.setattr("sys.argv", words)
    run_table.main()
    return json.loads(out.with_suffix(".json").read_text()), out.read_text()


def test_rows_say_whose_labels_they_had_and_a_still_force_gains_nothing(runs, tmp_path, monkeypatch):
    record, text = page(runs, tmp_path / "page.md", monkeypatch)
    assert {(r["method"], r["k"]) for r in record["rows"]} == {
        (name, k) for name in ("constant", "constant, wrong-family") for k in (0, 10)
    }
    assert record["gains"] == []  # no label moves a force of a method that has none
    assert "numbers that move" not in text
    assert "mfbench evaluate -m constant -s cath-mini --k 0,10 --draws 1 --support wrong-family" in text


def test_a_run_of_an_older_version_of_the_data_is_refused(runs, tmp_path, monkeypatch):
    run = runs[0] / "run.json"
    content = json.loads(run.read_text())
    content["request"]["data_hash"] = "0" * 64
    run.write_text(json.dumps(content))
    with pytest.raises(SystemExit, match=r"another version of cath-mini: run it again"):
        page(runs, tmp_path / "page.md", monkeypatch)


def test_levels_of_theory_have_rows_of_their_own_and_methods_stand_beside_pretrain(tmp_path, monkeypatch):
    asked = ["evaluate", "-s", "levels-mini", "--draws", "1", "--k", "5"]
    for method in ("constant", "mmff94"):
        assert main([*asked, "-m", method, "--out", str(tmp_path / method)]) in (0, 3)
    for module in ("rows", "page"):
        monkeypatch.setattr(f"mfbench_campaign.run_table.{module}.LINE", "constant")
    record, text = page([tmp_path / "constant", tmp_path / "mmff94"], tmp_path / "page.md", monkeypatch)
    levels = {task.level for task in load_split("levels-mini").test}
    assert {r["level"] for r in record["rows"]} == levels
    assert {(r["method"], r["level"]) for r in record["ratios"]} == {("mmff94", level) for level in levels}
    assert "Errors ÷ those of `constant`" in text


def test_seeds_of_a_method_are_one_row_and_a_seed_twice_is_refused(runs, tmp_path, monkeypatch):
    asked = ["evaluate", "-m", "constant", "-s", "cath-mini", "--draws", "1", "--k", "0,10"]
    assert main([*asked, "--seed", "1", "--out", str(tmp_path / "second")]) == 0
    record, _ = page([runs[0], tmp_path / "second"], tmp_path / "page.md", monkeypatch)
    assert [(r["method"], r["seeds"]) for r in record["rows"]] == [("constant", 2), ("constant", 2)]
    with pytest.raises(SystemExit, match="two runs of constant on cath-mini have seed 0"):
        page([runs[0], runs[0]], tmp_path / "page.md", monkeypatch)


def test_seeds_are_averaged_over_the_draws_that_all_of_them_have(tmp_path, monkeypatch):
    asked = ["evaluate", "-m", "constant", "-s", "cath-mini", "--k", "10"]
    for seed, draws in ((0, 3), (1, 1)):
        words = ["--seed", str(seed), "--draws", str(draws), "--out", str(tmp_path / str(seed))]
        assert main([*asked, *words]) == 0
    many, few = Run.read(tmp_path / "0"), Run.read(tmp_path / "1")
    both, alone = Measured("", (many, few)), Measured("", (few,))
    assert (Measured("", (many,)).common_draws, both.common_draws) == (3, 1)
    own = Measured("", (many,)).errors("energy_rmse", 10)
    for family, (first, second) in both.errors("energy_rmse", 10).items():
        assert first == second == alone.errors("energy_rmse", 10)[family][0]
        assert first != own[family][0]


def test_a_table_of_what_was_kept_says_what_the_table_of_the_runs_said(runs, tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    words = ["--out", str(tmp_path / "a.md"), "--title", "Ten labels"]
    monkeypatch.setattr("sys.argv", ["run_table", *map(str, runs), *words, "--keep", str(kept)])
    run_table.main()
    of_runs = (tmp_path / "a.md").read_text()
    assert sorted(path.name for path in kept.iterdir()) == ["own.parquet", "wrong.parquet"]
    _, of_kept = page([kept / "own.parquet", kept / "wrong.parquet"], tmp_path / "b.md", monkeypatch)
    assert of_kept == of_runs


@pytest.mark.parametrize(
    ("phases", "track", "name"),
    [
        (["joint", "pretrain"], "standard", "pretrain"),
        (["joint", "pretrain", "pretrain"], "standard", "pretrain, longer"),
        (["joint", "pretrain", "pretrain"], "converged", "pretrain, longer, 2,000 steps"),
        (["joint", "pretrain", "multihead"], "standard", "multihead"),
        (["joint", "pretrain", "multihead", "multihead"], "standard", "multihead, longer"),
        (["joint", "pretrain", "fomaml"], "long", "fomaml, 300 steps"),
        (["joint", "pretrain", "multihead", "fomaml"], "standard", "fomaml, behind multihead"),
    ],
)
def test_a_row_is_named_by_what_its_start_went_through_and_what_it_may_spend(phases, track, name):
    request = {
        "method": name.partition(",")[0],
        "options": {},
        "support": "own",
        "split": "levels-mini",
        "track": track,
    }
    card = {"phases": [{"name": phase} for phase in phases]}
    assert Run({"request": request, "card": card}, [], None).name == name


def test_means_over_draws_are_not_compared_with_a_single_draw(runs):
    def measured(method, draws, averaged):
        run = Run.read(runs[0])
        request = {**run.request, "method": method, "draws": draws}
        return Measured(
            "", (replace(run, record={**run.record, "request": request, "averaged": averaged}),)
        )

    line = measured("pretrain", 5, averaged=False)
    assert ratios_of([measured("maml", 1, averaged=False), line])
    assert ratios_of([measured("maml", 5, averaged=True), line])
    assert not ratios_of([measured("maml", 1, averaged=False), measured("pretrain", 5, averaged=True)])


def test_the_committed_table_of_levels_has_the_errors_of_its_kept_runs():
    kept = [Run.read(path) for path in sorted((RESULTS / "runs" / "levels").glob("*.parquet"))]
    rows = json.loads((RESULTS / "levels.json").read_text())["rows"]
    committed = {(r["method"], r["level"], r["k"]): r["errors_of_families"] for r in rows}
    found = {(m.name, m.level, k): m for m in measured(kept) for k in m.ks}
    assert found.keys() == committed.keys()
    for (name, level, k), method in found.items():
        errors = method.errors("force_rmse", k)
        assert errors
        for family, values in errors.items():
            assert committed[name, level, k]["force_rmse"]["all"][family] == pytest.approx(values, rel=1e-5)
