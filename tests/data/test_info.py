"""``data info`` and ``data build``: tables, the figure, and the front of the builder."""

import re
from dataclasses import replace

import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.side_tables import read_side_tables
from mfbench.reporting.split_figure import draw_overview


def test_info_lists_the_families_and_draws_the_figure(small, tmp_path, capsys):
    assert main(["data", "info", str(small), "--out", str(tmp_path / "new" / "folder")]) == 0
    out = capsys.readouterr().out
    figure = tmp_path / "new" / "folder" / "overview.png"
    assert f"figure  {figure}" in out
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert re.search(r"1\.10\.510 +train +mainly-alpha +9 +204 +90 +45 +0 +5 +100", out)


def test_the_figure_has_a_place_of_its_own(small, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "info", str(small)]) == 0
    assert (tmp_path / "runs" / "info-small" / "overview.png").is_file()


def test_many_families_are_summarised_by_class_and_fold(small, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mfbench.cli.data.info._MANY", 4)
    monkeypatch.setattr("mfbench.reporting.split_figure.save_overview", lambda *_: None)
    command = ["data", "info", str(small), "--out", str(tmp_path)]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert re.search(r"mainly-alpha +train +1 +9 +204 +90 +45 +0 +5 +100", out)
    assert re.search(r"all +test +2 +18 +408 +180 +90 +0 +5 +100", out)
    assert "1.10.510" not in out
    assert main([*command, "--families"]) == 0
    assert "1.10.510" in capsys.readouterr().out


def test_the_figure_counts_what_is_there(small):
    split = mfbench.load_split(small)
    figure = draw_overview(split, read_side_tables(small, split))
    panels = {axis.get_title(loc="left"): axis for axis in figure.axes}
    assert len(panels) == 8
    widths = [bar.get_width() for bar in panels["Families by class"].patches]
    assert sum(widths) >= len(split.tasks)
    names = [text.get_text() for text in panels["Elements"].get_yticklabels()]
    assert names == ["H", "C", "N", "O", "S"]
    shares = [stairs.get_data().values.sum() for stairs in panels["Sizes"].patches]
    assert shares == pytest.approx([100, 100, 100])


def test_a_split_without_kinds_or_a_fold_is_drawn_too(make_split, tmp_path):
    folder = make_split(tmp_path / "split", folds={"train": 2, "test": 1})
    split = mfbench.load_split(folder)
    assert len(draw_overview(split, read_side_tables(None, split)).axes) == 8


def test_tables_of_a_shared_pool_are_found(small, tmp_path):
    """A construction takes fragments and configurations from blocks of the pool beside it."""
    (tmp_path / "pool").mkdir()
    thin = tmp_path / "thin"
    thin.mkdir()
    for name in ("fragments", "configurations"):
        (tmp_path / "pool" / f"block.{name}.parquet").write_bytes((small / f"{name}.parquet").read_bytes())
    for name in ("families.parquet", "manifest.json"):
        (thin / name).write_bytes((small / name).read_bytes())
    split = mfbench.load_split(small)
    files = {f"../pool/block.{name}.parquet": "" for name in ("fragments", "configurations")}
    manifest = split.manifest.model_copy(update={"files": {"families.parquet": "", **files}})
    found = read_side_tables(thin, replace(split, manifest=manifest))
    whole = read_side_tables(small, split)
    assert found.fragments.equals(whole.fragments)
    assert found.stored.equals(whole.stored)


def test_build_is_the_builder_of_the_tasks(tmp_path, capsys):
    pytest.importorskip("tblite")
    pytest.importorskip("biotite")
    command = ["data", "build", str(tmp_path / "none.yaml"), "--structures", "x", "--out", "o"]
    assert main(command) == 2
    assert re.search("error: .*none.yaml", capsys.readouterr().err)
    assert main(["data", "build", "--bogus"]) == 2
    assert main(["data", "build", "--help"]) == 0
    assert "--structures" in capsys.readouterr().out


def test_build_without_the_extra_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mfbench_tasks.build.build", None)
    assert main(["data", "build", "recipe.yaml", "--structures", "x", "--out", "o"]) == 2
    assert re.fullmatch(
        r"error: data build needs .* \(pip install 'mfbench\[label\]'\)\n", capsys.readouterr().err
    )
