"""Tables of families and recipes keep their promises, or one line says which they break."""

from pathlib import Path

import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.parquet import read_table
from mfbench.errors import DataError
from mfbench_tasks.constructions.arrangements.from_table import check_families
from mfbench_tasks.families.table import chemistry_rows, read_families
from mfbench_tasks.pool.groups import group_jobs
from mfbench_tasks.pool.recipe import load_pool_recipe

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [("a", "train", "1aaa_A", {}), ("b", "test", "1aaa_B", {})],
            "entry 1aaa is in folds train and test",
        ),
        (
            [("a", "train", "1aaa_A", {}), ("b", "validation", "1bbb_A", {"clusters": ("1aaa_A",)})],
            "cluster 1aaa_A is in folds train and validation",
        ),
        ([("a", "train", "1lmb_3", {})], "train family a uses a group reserved for test families"),
        ([("a", "validation", "1aaa_A", "1lmb_3", {})], "validation family a uses a group reserved"),
    ],
)
def test_tables_of_families_that_break_their_promises_are_refused(rows, says, tools):
    rows = [tools.row(*names, **dict(clusters)) for *names, clusters in rows]
    with pytest.raises(DataError, match=says):
        check_families(rows, load_pool_recipe(ROOT / "tasks" / "recipes" / "pool.yaml"))


@pytest.mark.parametrize("text", ["", "family_id\tfold\na\ttrain\n", None])
def test_a_spoilt_table_of_families_is_one_line(tmp_path, text):
    path = tmp_path / "families.tsv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=r"families\.tsv") as found:
        read_families(path)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{id: 1aaa_A}", "{id: ../x_A}", "blocks.0.groups.0.Group.id"),
        ("name: b2", "name: b1", "block b1 is listed twice"),
        ("beside: 1aaa_A", "beside: 9zzz_A", "no block lists group 9zzz_A"),
        ("name: b1", "name: ../b1", "blocks.0.name"),
        ("shuffles: two", "shuffles: two, mini_of: two", "one of families, shuffles and mini_of"),
        ("only: [b]", "only: []", "a mini needs 'only'"),
        ("{id: 1bbb_A, beside: 1aaa_A}", "{kind: deep, id: d, of: 1aaa_A}", "say how, in 'deep'"),
    ],
)
def test_a_wrong_recipe_is_one_line(tmp_path, capsys, tools, old, new, says):
    path = tmp_path / "wrong.yaml"
    path.write_text(tools.RECIPE.replace(old, new))
    assert main(["data", "pool", str(path), "--structures", "x", "--out", str(tmp_path / "o")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line


def test_the_committed_tables_are_large_enough_and_hold_what_the_blocks_hold():
    recipe = load_pool_recipe(ROOT / "tasks" / "recipes" / "pool.yaml")
    groups = {g.id: g for b in recipe.blocks for g in b.groups if g.kind == "protein"}
    mini = read_table(mfbench.data.split.EMBEDDED / "cath-mini" / "families.parquet").to_pylist()
    tables = {
        c.name: read_families(ROOT / "tasks" / "recipes" / c.families)
        for c in recipe.constructions
        if c.name in ("cath", "cluster30")
    }
    folds = {row.family_id: row.fold for row in tables["cath"]}
    assert {m["family_id"]: m["fold"] for m in mini}.items() <= folds.items()
    smallest = {"cath": (60, 14, 24), "cluster30": (60, 10, 20)}
    used = set()
    for name, rows in tables.items():
        check_families(rows, recipe)
        count = [sum(r.fold == fold for r in rows) for fold in ("train", "validation", "test")]
        assert len(rows) >= 100
        assert all(n >= least for n, least in zip(count, smallest[name], strict=True))
        for fold in ("train", "validation", "test"):
            assert len({r.family_class for r in rows if r.fold == fold}) == 5
        for r in rows:
            if r.support_group in groups:
                assert not groups[r.support_group].heldout_only
                assert (
                    r.heldout_group == r.support_group or groups[r.heldout_group].beside == r.support_group
                )
                used |= {r.support_group, r.heldout_group}
    assert used == set(groups)
    # cath holds topologies out whole; cluster30 may share them, and does.
    topology = {name: r.family_id for r in tables["cath"] for name in r.proteins}
    fold_of = {}
    for r in tables["cluster30"]:
        fold_of.setdefault(topology[r.support_group], set()).add(r.fold)
    assert sum({"train", "test"} <= folds for folds in fold_of.values()) >= 8


def test_the_committed_recipe_has_a_group_for_every_family():
    recipe = load_pool_recipe(ROOT / "tasks" / "recipes" / "pool.yaml")
    groups = {group.id for block in recipe.blocks for group in block.groups}
    mini = {task.family_id for task in mfbench.load_split("cath-mini").tasks}
    for construction in recipe.constructions:
        if construction.families is None:
            continue
        table = ROOT / "tasks" / "recipes" / construction.families
        rows = chemistry_rows(table) if table.suffix == ".yaml" else read_families(table)
        check_families(rows, recipe)
        assert {name for row in rows for name in (row.support_group, row.heldout_group)} <= groups | mini
    assert recipe.gates.of("heme").strain > recipe.gates.of("contact").strain


def test_a_chemistry_group_needs_its_family(tmp_path):
    recipe = load_pool_recipe(ROOT / "tasks" / "recipes" / "pool.yaml")
    group = recipe.group("plp")
    with pytest.raises(DataError, match="no family nowhere"):
        group_jobs(group.model_copy(update={"id": "nowhere"}), recipe, tmp_path)
    with pytest.raises(DataError, match="name it as 'chemistry'"):
        group_jobs(group, recipe.model_copy(update={"chemistry": None}), tmp_path)
