"""``data verify``: a sound split passes, and each check fails on a fault planted for it."""

import itertools
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mfbench.audit.checks import CHECKS, Subject, verify_split
from mfbench.audit.checks.check import run_check
from mfbench.cli import main
from mfbench.data.parquet import read_table
from mfbench.data.side_tables import read_side_tables
from mfbench.data.split import EMBEDDED, load_split


def outcome(folder, name):
    """One check of a split."""
    split = load_split(folder, verify=False)
    return run_check(name, lambda: CHECKS[name](Subject(split, read_side_tables(folder, split))))


def assert_fails(folder, name, culprit):
    check = outcome(folder, name)
    assert not check.passed
    assert re.search(culprit, check.finding), check.finding
    assert "\n" not in check.finding


def test_the_embedded_split_is_sound():
    found = verify_split("cath-mini")
    assert [check.name for check in found if check.passed] == ["hashes", *CHECKS]


def test_a_sound_split_passes_every_check(small):
    assert {name: outcome(small, name).passed for name in CHECKS} == dict.fromkeys(CHECKS, True)


def test_an_altered_file_fails_the_hashes_and_hides_no_other_check(plant, capsys):
    folder = plant(
        "roles", lambda roles: roles.drop(index=roles[roles.role == "query"].index[0]), sign=False
    )
    assert main(["data", "verify", str(folder)]) == 2
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["FAIL", "FAIL", "FAIL"] + ["ok"] * (len(CHECKS) - 2)
    assert "roles.parquet is corrupted or altered" in lines[0]
    assert re.fullmatch("error: .* fails 3 of 11 checks: hashes, counts, roles\n", err)


def test_tables_that_do_not_fit_are_one_failed_check(plant, capsys):
    folder = plant("draws", lambda draws: draws.assign(config_id="nobody"))
    assert main(["data", "verify", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert re.match("FAIL  tables .*do not fit each other", out)
    assert err.count("\n") == 1


def test_a_damaged_manifest_is_a_failed_check(small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "copy")
    (folder / "manifest.json").write_text("{}")
    assert [(check.name, check.passed) for check in verify_split(folder)] == [("tables", False)]


@pytest.mark.parametrize(
    ("counts", "culprit"),
    [
        ({"families": 5, "configurations": 1700}, "configurations: the manifest says 1700, .* 1695"),
        ({"families": 4, "configurations": 1695}, "families: the manifest says 4"),
        ({}, "does not count"),
    ],
)
def test_counts_that_differ(small, tmp_path, sign, counts, culprit):
    folder = shutil.copytree(small, tmp_path / "copy")
    sign(folder, counts=counts)
    assert_fails(folder, "counts", culprit)


def test_a_configuration_with_two_roles(plant):
    def twice(roles):
        return pd.concat([roles, roles[roles.role == "support"].head(1).assign(role="query")])

    assert_fails(plant("roles", twice), "roles", r"1\.10\.8: .*s0/0 has two roles \(support and query\)")


def test_a_configuration_without_a_role(plant):
    def lose(roles):
        return roles.drop(index=roles[roles.role == "heldout"].index[0])

    assert_fails(plant("roles", lose), "roles", "is stored but has no role")


def test_a_family_without_a_role(small):
    split = load_split(small)
    first, *rest = split.tasks
    for missing, finding in (
        ({"support": ()}, "has no support configuration"),
        ({"query": (), "heldout": ()}, "has neither query nor held-out configurations"),
    ):
        less = replace(split, tasks=(replace(first, **missing), *rest))
        subject = Subject(less, read_side_tables(small, less))
        check = run_check("roles", lambda subject=subject: CHECKS["roles"](subject))
        assert (check.passed, check.finding) == (False, f"{first.family_id} {finding}")


def test_a_trajectory_in_support_and_query(plant, small):
    drawn = set(pd.read_parquet(small / "draws.parquet").config_id)

    def move(roles):
        spare = roles[(roles.role == "support") & ~roles.config_id.isin(drawn)].index[0]
        roles.loc[spare, "role"] = "query"
        return roles

    assert_fails(plant("roles", move), "roles", "trajectory .*/s.* is in support and query")


def test_a_held_out_fragment_that_is_in_the_pool(plant):
    def move(roles):
        roles.loc[roles[roles.role == "query"].index[:15], "role"] = "heldout"
        return roles

    assert_fails(plant("roles", move), "roles", "heldout .*: its fragment is in the pool")


@pytest.mark.parametrize(
    ("column", "culprit"),
    [
        ("proteins", "entry .* is in the folds"),
        ("cluster30", "30 % cluster .* is in the folds"),
        ("pool_fragments", "fragment .* is in the folds"),
    ],
)
def test_folds_that_share_something(plant, column, culprit):
    def share(families):
        train, test = (families.index[families.fold == fold][0] for fold in ("train", "test"))
        families.at[test, column] = [*families.at[test, column], families.at[train, column][0]]
        return families

    assert_fails(plant("families", share), "folds", culprit)


def test_a_family_in_two_folds(plant):
    def share(families):
        return pd.concat([families, families.head(1).assign(fold="train")])

    assert_fails(plant("families", share), "folds", "is listed twice")


def test_a_construction_says_what_its_folds_may_share(plant, sign):
    def share(families):
        return families.assign(cluster30=[["7"] for _ in range(len(families))])

    folder = plant("families", share)
    assert_fails(folder, "folds", "30 % cluster 7")
    sign(folder, recipe={"folds_disjoint_in": ["entries"]})
    assert outcome(folder, "folds").passed


def test_a_draw_that_holds_a_configuration_twice(plant):
    def repeat(draws):
        draws.loc[1, "config_id"] = draws.loc[0, "config_id"]
        return draws

    assert_fails(plant("draws", repeat), "draws", "draw 0 holds .* twice")


def test_two_draws_that_are_the_same(plant):
    def repeat(draws):
        first = draws[(draws.family_id == "1.10.8") & (draws.draw == 0)]
        return pd.concat([draws[(draws.family_id != "1.10.8") | (draws.draw != 1)], first.assign(draw=1)])

    assert_fails(plant("draws", repeat), "draws", r"1\.10\.8: two of its draws are the same")


def test_a_draw_that_leaves_the_pool(small):
    split = load_split(small)
    split.tasks[0].draws[2, 5] = len(split.tasks[0].support)
    subject = Subject(split, read_side_tables(small, split))
    check = run_check("draws", lambda: CHECKS["draws"](subject))
    assert (check.passed, "draw 2 leaves the support pool" in check.finding) == (False, True)


def change_one(column, edit):
    """Edit the arrays of one configuration."""

    def change(configurations):
        configurations.at[7, column] = edit(configurations.at[7, column])
        return configurations

    return change


def push(forces):
    forces = forces.copy()
    forces[0] += 0.02
    return forces


@pytest.mark.parametrize(
    ("name", "column", "edit", "culprit"),
    [
        ("lengths", "positions", lambda x: x * 1.8897, r"shortest distance is 1\.[789]"),
        ("energies", "energy", lambda e: e / 27.2114, "eV per atom from isolated atoms, outside"),
        ("energies", "energy", lambda e: float("nan"), "has no energy"),
        ("forces", "atomic_forces", lambda f: f * 27.2114 / 0.529177, "a force component of"),
        ("forces", "atomic_forces", lambda f: f * np.nan, "a force component of nan"),
        ("net force", "atomic_forces", push, r"its forces sum to 0\.02.* not to zero"),
    ],
)
def test_a_configuration_in_other_units(plant, name, column, edit, culprit):
    folder = plant("configurations", change_one(column, edit))
    moved = pd.read_parquet(folder / "configurations.parquet").config_id[7]
    assert_fails(folder, name, f"{re.escape(moved)}.* {culprit}")


def put_query_on_support(shift):
    """Each query trajectory repeats a support trajectory of its sampler, one atom moved by ``shift``."""

    roles = read_table(EMBEDDED / "cath-mini" / "roles.parquet").to_pandas().set_index("config_id")["role"]

    def change(configurations):
        trajectories = configurations.groupby("trajectory_id")
        by_trajectory = trajectories.groups
        role = trajectories["config_id"].first().map(roles)
        for _, names in (
            configurations.groupby(["fragment_id", "sampler"])["trajectory_id"].unique().items()
        ):
            known = sorted(name for name in names if role[name] == "support")
            asked = sorted(name for name in names if role[name] == "query")
            for one, other in zip(known, asked, strict=False):
                pairs = zip(itertools.cycle(by_trajectory[one]), by_trajectory[other], strict=False)
                for support, query in pairs:
                    positions = configurations.at[support, "positions"].copy()
                    positions[:3] += shift
                    configurations.at[query, "positions"] = positions
        return configurations

    return change


def test_a_query_that_repeats_its_support(plant):
    folder = plant("configurations", put_query_on_support(0.0))
    assert_fails(folder, "near-twins", r"\(query\) and .*/s\d.* \(support\) are near-twins: 0\.000 Å apart")


def test_a_query_that_is_nearer_to_support_than_fresh_sampling_is(plant):
    folder = plant("configurations", put_query_on_support(0.5))
    assert outcome(folder, "near-twins").passed
    assert_fails(folder, "independence", r"ratio 0\.\d+ is below 0\.9")


def test_independence_needs_trajectories_to_compare(plant):
    def one_each(configurations):
        return configurations.assign(sampler=configurations.trajectory_id)

    assert_fails(plant("configurations", one_each), "independence", "nothing to compare with")


def test_labels_are_made_again(small, capsys):
    pytest.importorskip("tblite")
    assert main(["data", "verify", str(small), "--relabel", "3", "--seed", "1"]) == 0
    assert "3 labelled again" in capsys.readouterr().out


def test_a_label_of_another_level_of_theory(plant, capsys):
    pytest.importorskip("tblite")
    folder = plant("configurations", lambda table: table.assign(energy=table.energy + 1e-3))
    assert main(["data", "verify", str(folder), "--relabel", "2"]) == 2
    out, err = capsys.readouterr()
    assert re.search(
        r"FAIL  labels +\S+ has another label here \(2 labelled again: energies within 1.0e-03", out
    )
    assert "fails 1 of 12 checks: labels" in err


def test_relabelling_without_the_engine_names_the_extra(small, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mfbench_tasks.labelling.relabel", None)
    assert main(["data", "verify", str(small), "--relabel", "1"]) == 2
    assert "pip install 'mfbench[label]'" in capsys.readouterr().err
