"""Selectors are compared on the same pools, with stored labels, on trajectories that no pool holds."""

import json

import pytest

import active_table
import mfbench

pytest.importorskip("jax")


def row(selector, seed, force, labels=8):
    errors = {"force_rmse": force, "within_rmse": 2 * force}
    return {"molecule": "m", "selector": selector, "seed": seed, "labels": labels, **errors}


def test_ratios_are_of_the_same_molecule_seed_and_labels():
    rows = [row("random", 0, 2.0), row("random", 1, 4.0), row("uncertainty", 0, 1.0)]
    rows += [row("uncertainty", 1, 4.0), row("uncertainty", 2, 100.0), row("farthest", 0, 3.0, labels=16)]
    text = active_table.table(rows)
    assert "| 8 | `uncertainty` | 2.50 | 0.71 [0.50, 1.00] | 5.00 | 0.71 [0.50, 1.00] | 2 |" in text
    assert "farthest" not in text  # nothing at random to compare it with


def test_what_is_measured_on_is_of_other_trajectories():
    (deep,) = active_table.deep_molecules(mfbench.load_split("levels-mini"), 1, 4, 2)
    pool = {c.trajectory_id for c in deep.pool}
    assert len(deep.pool) >= 4
    assert len(deep.asked) == 2
    assert not pool & {c.trajectory_id for c in deep.asked}
    assert {c.fragment_id for c in (*deep.pool, *deep.asked)} == {deep.name}


def test_a_stopped_run_says_so_and_impossible_pools_are_refused(tmp_path, capsys):
    asked = ["--split", "levels-mini", "--level", "pm7", "--molecules", "1", "--asked", "2"]
    asked += ["--out", str(tmp_path / "a"), "--json", str(tmp_path / "a.json")]
    assert active_table.main([*asked, "--pool", "4", "--minutes", "-1"]) == 3
    assert json.loads((tmp_path / "a.json").read_text())["rows"] == []
    assert active_table.main([*asked, "--pool", "4000"]) == 2
    assert "hold 4000 + 2 labels" in capsys.readouterr().err
