"""Constructions over a pool: shards that serve whole folds, splits that load, nulls that mean nothing."""

import shutil

import numpy as np
import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.parquet import read_configurations
from mfbench.errors import DataError
from mfbench_tasks.constructions.arrangements.arrangement import ArrangedFamily, Families
from mfbench_tasks.constructions.arrangements.from_table import arrange
from mfbench_tasks.constructions.arrangements.permuted import shuffle
from mfbench_tasks.pool.inventory import Inventory, StoredConfiguration, StoredFragment
from mfbench_tasks.sampling.role import Role


def test_constructions_load_with_roles_and_folds_apart(constructed, monkeypatch):
    assert sorted(p.name for p in (constructed / "two").iterdir()) == [
        "draws.parquet", "families.parquet", "manifest.json", "roles.parquet",
    ]  # fmt: skip
    monkeypatch.setenv("MFBENCH_DATA", str(constructed))
    for name, ids in (("two", ["a", "b"]), ("null", ["shuffled.a", "shuffled.b"])):
        split = mfbench.load_split(name)
        assert [t.family_id for t in split.tasks] == ids
        assert [str(t.fold) for t in split.tasks] == ["train", "test"]
        seen = set()
        for task in split.tasks:
            assert [len(x) for x in (task.support, task.query, task.heldout)] == [4, 4, 2]
            assert task.draws.shape == (2, 4)
            for role in (task.support, task.query, task.heldout):
                trajectories = {c.trajectory_id for c in role}
                assert not trajectories & seen
                seen |= trajectories
    assert mfbench.evaluate("constant", "two", draws=1).ks == [0]


def test_a_shard_serves_whole_folds(constructed):
    shards = sorted(p.name for p in (constructed / "pool").iterdir())
    assert shards == [
        f"two-{fold}.{part}.parquet"
        for fold in ("test", "train")
        for part in ("configurations", "fragments")
    ]
    split = mfbench.load_split(constructed / "two")
    assert set(split.manifest.files) >= {f"../pool/{name}" for name in shards}
    for fold in ("train", "test"):
        stored = read_configurations(constructed / "pool" / f"two-{fold}.configurations.parquet")
        (task,) = split.fold(fold)
        assert sorted(c.config_id for c in stored) == sorted(c.config_id for c in task.everything)


def test_a_mini_is_complete_in_itself_and_equal_to_what_it_is_part_of(constructed, tmp_path):
    shutil.copytree(constructed / "small", tmp_path / "small")  # away from the shards
    (mini,) = mfbench.load_split(tmp_path / "small").tasks
    whole = next(t for t in mfbench.load_split(constructed / "two").tasks if t.family_id == "b")
    for one, other in zip(mini.everything, whole.everything, strict=True):
        assert one.config_id == other.config_id
        assert one.energy == other.energy
        assert np.array_equal(one.positions, other.positions)
        assert np.array_equal(one.forces, other.forces)
    assert np.array_equal(mini.draws, whole.draws)


def test_a_construction_waits_for_its_blocks(constructed, recipe_file, tmp_path, capsys):
    blocks = tmp_path / "blocks"
    blocks.mkdir()
    for path in (constructed / "blocks").glob("b1.*"):
        (blocks / path.name).symlink_to(path)
    command = ["data", "construct", str(recipe_file), "--pool", str(blocks), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert "two: 1 of 2 families wait for blocks" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    text = recipe_file.read_text().replace(", only: [b]", ", only: [a]")
    partial = recipe_file.with_name("partial.yaml")
    partial.write_text(text)
    assert main([*command[:2], str(partial), *command[3:], "--partial"]) == 0
    split = mfbench.load_split(tmp_path / "out" / "two")
    assert ([t.family_id for t in split.tasks], split.manifest.version) == (["a"], "0-partial")


@pytest.fixture
def again(constructed, recipe_file, tmp_path):
    """The same constructions, written once more from the same blocks."""
    command = ["data", "construct", str(recipe_file), "--pool", str(constructed / "blocks")]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    return command, tmp_path / "out"


def test_the_same_blocks_give_the_same_bytes(constructed, again):
    for path in again[1].rglob("*.*"):
        assert path.read_bytes() == (constructed / path.relative_to(again[1])).read_bytes()


def test_an_altered_shard_is_found(again):
    shard = again[1] / "pool" / "two-test.configurations.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DataError, match=r"two-test\.configurations\.parquet is corrupted"):
        mfbench.load_split(again[1] / "two")


def test_shards_keep_apart_from_blocks_and_from_other_files(again, capsys):
    command, out = again
    (out / "pool" / "old.fragments.parquet").write_bytes(b"")
    assert main([*command, "--out", str(out)]) == 2
    assert "old.fragments.parquet, which is no shard" in capsys.readouterr().err
    (out / "pool").rename(out / "blocks")
    assert main([*command[:3], "--pool", str(out / "pool"), "--out", str(out)]) == 2
    assert "keep the blocks elsewhere" in capsys.readouterr().err


def test_a_family_that_lost_its_support_is_left_out(tools):
    stored = tuple(StoredConfiguration(f"x/s0/{k}", "x", "x/s0", Role.SUPPORT) for k in range(4))
    held = StoredFragment("x", "b", "g", "residue", "residue:ALA", "1aaa_A", frozenset({1, 6}), stored)
    inventory = Inventory({"x": held}, {("1aaa_A", False): ("x",)})
    rows = [tools.row("a", "train", "1aaa_A")]
    assert arrange(rows, inventory, min_support=4) == Families([], ["a"])  # nothing held out
    inventory.groups["1aaa_A", True] = ("x",)
    assert arrange(rows, inventory, min_support=5) == Families([], ["a"])
    with pytest.raises(DataError, match="family a holds a molecular graph twice"):
        arrange(rows, inventory, min_support=4)


def test_shuffling_keeps_folds_sizes_and_kinds_and_repeats_no_graph():
    fragments, families = {}, []
    for n in range(12):
        names = [f"{n}-{k}" for k in range(9)]
        for k, name in enumerate(names):
            kind = ("residue", "contact", "hbond")[k % 3]
            # Few graphs of each kind, so that a blind permutation does repeat some.
            graph = f"{kind}-{(n + k) % 5}-{k // 6}"
            fragments[name] = StoredFragment(name, "b", graph, kind, graph, f"{n}_A", frozenset({6}), ())
        fold = "train" if n < 8 else "test"
        ids = (str(n), fold, "s", "t", (f"{n}_A",), (f"c{n}",))
        families.append(ArrangedFamily(*ids, tuple(names[:6]), tuple(names[6:])))
    inventory = Inventory(fragments, {})
    found = shuffle(families, inventory, seed=1)
    assert found == shuffle(families, inventory, seed=1) != shuffle(families, inventory, seed=2)
    for fold in ("train", "test"):
        pools = [
            [f for a in some if a.fold == fold for f in a.pool_fragments] for some in (families, found)
        ]
        assert sorted(pools[0]) == sorted(pools[1])
        assert pools[0] != pools[1]
    for old, new in zip(families, found, strict=True):
        assert len({fragments[f].graph_id for f in new.fragments}) == 9
        for part in ("pool_fragments", "heldout_fragments"):
            assert [fragments[f].kind for f in getattr(new, part)] == [
                fragments[f].kind for f in getattr(old, part)
            ]
