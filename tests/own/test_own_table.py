"""The table of own systems is made from finished cells, and says which labels are missing."""

import itertools
import json
from pathlib import Path

import numpy as np

import mfbench
import own_coverage
import own_table
from mfbench.data.extxyz import frame
from mfbench.metrics.statistics import ratio


def put(folder, factors, *, clusters=None):
    """Cells of ``scratch`` and ``auto``; ``factors``: molecule → seed → ratio of their errors."""
    (folder / "cells").mkdir(parents=True, exist_ok=True)
    (folder / "cells" / "request.json").write_text('{"data": "x"}')
    for molecule, seeds in factors.items():
        for seed, factor in enumerate(seeds):
            for method, size in (("scratch", 1.0), ("auto", factor)):
                cell = {"molecule": molecule, "k": 10, "seed": seed, "method": method, "seconds": 9.0}
                cell |= {"force_rmse": size * (4 + seed), "within_rmse": size, "made_of": "x"}
                cell |= {"stable": seed > 0, "clusters": (clusters or {}).get(molecule, [molecule])}
                path = folder / "cells" / f"{molecule}-{method}{seed}.run.json"
                path.write_text(json.dumps(cell))


def test_a_report_is_made_from_the_cells_that_are_there(tmp_path, capsys):
    assert own_table.main(["--out", str(tmp_path), "--report"]) == 2
    assert "no finished cell" in capsys.readouterr().err
    put(tmp_path, {"m": [0.5] * 3})
    assert own_table.main(["--out", str(tmp_path), "--report"]) == 0
    text = (tmp_path / "table.md").read_text()
    assert "| m | 10 | `auto` | 2.50 [2.00, 3.00] | 0.50 [0.50, 0.50] | 2 of 3 | 9 | x |" in text
    assert "`auto` ÷ `scratch` 0.50 [one group: no interval] over 1 molecules × 3 seeds." in text


def test_molecules_are_the_unit_of_intervals_and_not_their_seeds(tmp_path):
    factors = {"a": [0.4, 0.41, 0.39], "b": [1.0, 1.02, 0.98], "c": [2.2, 2.25, 2.3]}
    put(tmp_path, {**factors, "d": [0.1]})
    table = np.array(list(factors.values())).T
    found = ratio(table, np.ones_like(table), np.arange(3))
    text = own_table.report(own_table.read_cells([tmp_path]))
    line = next(x for x in text.splitlines() if "energies within: `auto`" in x)
    assert f" {found.value:.2f} [{found.lo:.2f}, {found.hi:.2f}] over 3 molecules × 3 seeds" in line
    assert "1 unfinished left out" in line
    put(tmp_path, factors, clusters={name: ["one"] for name in factors})
    assert "[one group: no interval]" in own_table.report(own_table.read_cells([tmp_path]))


def test_molecules_with_too_few_labels_are_named_in_a_line(tmp_path, capsys):
    asked = ["--split", "cath-mini", "--k", "500", "--out", str(tmp_path)]
    assert own_table.main(asked) == 2
    assert "hold 500 + 7 labels" in capsys.readouterr().err


def test_labels_of_ones_own_are_added_to_a_molecule_of_the_split(tmp_path, capsys):
    before = own_table.from_split("cath-mini", None, "fragment", 1, 5)
    (molecule,) = before
    more = tmp_path / "more.xyz"
    more.write_text("".join(frame(c) for c in molecule.query[:3]))
    (after,) = own_table.from_split("cath-mini", None, "fragment", 1, 5, more)
    assert after.name == molecule.name
    added = after.support[len(molecule.support) :]
    assert [c.trajectory_id for c in added] == [c.trajectory_id for c in molecule.query[:3]]
    np.testing.assert_allclose(added[0].forces, molecule.query[0].forces, atol=1e-9)
    more.write_text(frame(molecule.query[0]).replace("fragment_id", "name"))
    asked = ["--split", "cath-mini", "--k", "5", "--more", str(more), "--out", str(tmp_path)]
    assert own_table.main(asked) == 2
    assert "frame 0 of" in capsys.readouterr().err


def test_cells_of_other_seconds_are_not_taken_for_these(tmp_path, capsys, monkeypatch):
    made = []

    def adapted(*given):
        made.append(given)
        return own_table.Fitted(None, None, "x", 1.0)

    monkeypatch.setattr(own_table, "adapted", adapted)
    monkeypatch.setattr(own_table, "scores", lambda *given: {"force_rmse": 1.0, "within_rmse": 1.0})
    asked = ["--split", "cath-mini", "--by", "family", "--molecules", "1", "--k", "3", "--seeds", "1"]
    asked += ["--methods", "scratch", "--ps", "0", "--out", str(tmp_path)]
    assert own_table.main(asked) == 0
    assert own_table.main(asked) == 0
    assert len(made) == 1
    assert own_table.main([*asked, "--seconds", "9"]) == 2
    assert "seconds" in capsys.readouterr().err


def test_coverage_is_measured_at_the_levels_that_its_split_has(tmp_path, monkeypatch):
    row = {"forces": 0.9, "n_forces": 9, "energies": 0.9, "n_energies": 3, "n_support": 3}
    monkeypatch.setattr(own_coverage, "measured", lambda *given: row)
    assert own_coverage.main(["--levels", "gfn2,gfn1", "--molecules", "1", "--out", str(tmp_path)]) == 0


def test_coverage_of_other_steps_is_not_taken_for_this_one(tmp_path, capsys, monkeypatch):
    made = []

    def measured(*given):
        made.append(given)
        return {"forces": 0.9, "n_forces": 9, "energies": 0.9, "n_energies": 3, "n_support": 3}

    monkeypatch.setattr(own_coverage, "measured", measured)
    asked = ["--split", "cath-mini", "--molecules", "2", "--k", "5", "--out", str(tmp_path)]
    assert own_coverage.main(asked) == 0
    assert own_coverage.main(asked) == 0
    assert len(made) == 2
    assert "| gfn2 | 2 | 3 | 90 % of 18 | 90 % of 6 |" in capsys.readouterr().out
    assert own_coverage.main([*asked, "--steps", "7"]) == 2
    assert "steps" in capsys.readouterr().err


def test_coverage_is_asked_of_what_the_support_is_like():
    """One molecule per family; every trajectory gives labels, so that no kind of sampling is left out."""
    split = mfbench.load_split("cath-mini")
    found = own_coverage.molecules(split, 3, 10)
    families = {c.fragment_id: t.family_id for t in split.test for c in t.support}
    assert len({families[name] for name, _, _ in found}) == len(found) == 3
    for name, support, query in found:
        whole = {c.trajectory_id for t in split.test for c in t.support if c.fragment_id == name}
        assert {c.trajectory_id for c in support} == whole
        assert len({c.config_id for c in support}) == 10
        assert not whole & {c.trajectory_id for c in query}


def test_the_page_states_what_was_measured():
    root = Path(own_table.__file__).parents[1]
    page = (root / "docs" / "own-dft.md").read_text()
    cells = json.loads((root / "results" / "own-dft.json").read_text())["cells"]
    ran = {(c["molecule"], c["k"], c["seed"], c["method"]) for c in cells}
    assert len(ran) == len(cells)
    for k, method in itertools.product((10, 50), own_table.METHODS):
        seeds = 2 if (k, method) == (50, "mace") else 3  # as the page says
        assert sum(c["k"] == k and c["method"] == method for c in cells) == 3 * seeds
    short, *_ = own_table.report(cells).split("\n\n")
    assert short in page
    ratios = [line for line in own_table.report(cells).splitlines() if line.startswith("- K = ")]
    assert len(ratios) == 8
    assert all(line in page for line in ratios)


def test_a_chosen_start_is_never_worse_than_random_weights_beyond_its_interval():
    """The promise of ``auto``, on the DFT labels of three molecules."""
    root = Path(own_table.__file__).parents[1]
    cells = json.loads((root / "results" / "own-dft.json").read_text())["cells"]
    assert len(own_table.ratios_to_scratch(cells)) == 8
    for (method, _, metric), value in own_table.ratios_to_scratch(cells).items():
        assert method != "auto" or value.lo <= 1, metric
