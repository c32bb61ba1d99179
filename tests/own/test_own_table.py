"""The table of own systems is made from finished cells, and says which labels are missing."""

import json

import own_table


def test_a_report_is_made_from_the_cells_that_are_there(tmp_path, capsys):
    (tmp_path / "cells").mkdir()
    assert own_table.main(["--out", str(tmp_path), "--report"]) == 2
    assert "no finished cell" in capsys.readouterr().err
    for method, factor in (("scratch", 1.0), ("auto", 0.5)):
        for seed in range(3):
            cell = {"molecule": "m", "k": 10, "seed": seed, "method": method, "seconds": 9.0}
            cell |= {"force_rmse": factor * (4 + seed), "within_rmse": factor, "made_of": "x"}
            cell |= {"stable": seed > 0}
            (tmp_path / "cells" / f"{method}{seed}.json").write_text(json.dumps(cell))
    assert own_table.main(["--out", str(tmp_path), "--report"]) == 0
    text = (tmp_path / "table.md").read_text()
    assert "| m | 10 | `auto` | 2.50 [2.00, 3.00] | 0.50 [0.50, 0.50] | 2 of 3 | 9 | x |" in text
    assert "`auto` ÷ `scratch` 0.50 [0.50, 0.50] over 3 pairs" in text


def test_molecules_with_too_few_labels_are_named_in_a_line(tmp_path, capsys):
    asked = ["--split", "cath-mini", "--k", "500", "--out", str(tmp_path)]
    assert own_table.main(asked) == 2
    assert "hold 500 + 20 labels" in capsys.readouterr().err
