"""A pool made here: blocks are written once, survive kill -9, and carry constructions that load."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from biotite.structure.io import pdbx

import mfbench
from mfbench.errors import DataError
from mfbench.tables import read_table
from mfbench_tasks.__main__ import main
from mfbench_tasks.arrange import Arranged, arrange, check_families, shuffle
from mfbench_tasks.family_table import FamilyRow, chemistry_rows, read_families, write_families
from mfbench_tasks.groups import plan_group
from mfbench_tasks.ideal import ideal_peptide
from mfbench_tasks.inventory import Held, Inventory, Stored, take_inventory
from mfbench_tasks.make import Outcome
from mfbench_tasks.plan import Slot
from mfbench_tasks.pool import make_pool, refills
from mfbench_tasks.pool_recipe import load_pool_recipe

ROOT = Path(__file__).parents[1]
RECIPE = """
seed: 5
draws: 2
draw_length: 4
min_support: 4
plan:
  pool: [residue, residue]
  heldout: [residue]
  candidates: 1
  charged_share: 0.0
  max_atoms: {residue: 30, contact: 24, hbond: 24}
sampling:
  support_md_K: [300]
  support_md_frames: [1]
  support_displaced_K: [300]
  support_displaced_frames: [1]
  query_md_K: [400]
  query_md_frames: [1]
  query_displaced_K: [400]
  query_displaced_frames: [1]
  start: {torsion_deg: 30, shift: 0.2, turn_deg: 10}
  jitter: {torsion_deg: 10, shift: 0.1, turn_deg: 5}
  relax_fmax: 0.3
  relax_steps: 20
  start_steps: 2
  timestep_fs: 2.0
  friction_per_fs: 0.02
  equilibration_steps: 3
  spacing_steps: 2
  mode_floor: 250
blocks:
  - name: b1
    groups:
      - {id: 1aaa_A}
  - name: b2
    groups:
      - {id: 1bbb_A, beside: 1aaa_A}
constructions:
  - {name: two, version: "0", families: families.tsv, changelog: []}
  - {name: "null", version: "0", shuffles: two, changelog: []}
"""
PEPTIDES = {
    "1aaa": ("ALA", "GLY", "SER", "ALA", "ALA"),
    "1bbb": ("GLY", "ASN", "CYS", "THR", "GLY"),
}


class Inline(Executor):
    """Runs what is submitted at once, in this process."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def structures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("structures")
    (folder / "entries").mkdir()
    for name, sequence in PEPTIDES.items():
        file = pdbx.CIFFile()
        pdbx.set_structure(file, ideal_peptide(sequence), data_block=name)
        file.write(folder / "entries" / f"{name}.cif")
    return folder


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "pool.yaml"
    path.write_text(RECIPE)
    write_families(
        path.with_name("families.tsv"), [row("a", "train", "1aaa_A"), row("b", "test", "1bbb_A")]
    )
    return path


def row(family_id, fold, pool, heldout=None, **changes):
    heldout = heldout or pool
    proteins = tuple(dict.fromkeys((pool, heldout)))
    fields = dict(stratum="s", title="t", proteins=proteins, clusters=proteins) | changes
    return FamilyRow(family_id=family_id, fold=fold, pool=pool, heldout=heldout, **fields)


def run(recipe_file, structures, folder, **options):
    make_pool(
        load_pool_recipe(recipe_file),
        structures=structures,
        out=folder / "pool",
        report=folder / "report",
        journal=folder / "journal",
        **{"executor": Inline(), **options},
    )


@pytest.fixture(scope="module")
def made(recipe_file, structures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    run(recipe_file, structures, folder)
    return folder


def test_a_block_holds_its_groups(made):
    assert sorted(p.name for p in (made / "pool").iterdir()) == [
        f"b{k}.{part}.parquet" for k in (1, 2) for part in ("configurations", "fragments", "groups")
    ]
    rows = read_table(made / "pool" / "b1.groups.parquet").to_pylist()
    assert [(r["group_id"], r["heldout"]) for r in rows] == [("1aaa_A", h) for h in (False, False, True)]
    assert read_table(made / "pool" / "b1.configurations.parquet").num_rows == 2 * 4 + 2
    assert (made / "report" / "b1.json").is_file()
    assert "| b2 | 1 | 3 | 10 |" in (made / "report" / "README.md").read_text()


def test_a_killed_run_repeats_no_finished_slot_and_rewrites_no_finished_block(
    made, recipe_file, structures, tmp_path
):
    pool, journal = tmp_path / "pool", tmp_path / "pool.journal"
    command = [sys.executable, "-m", "mfbench_tasks", "pool", str(recipe_file)]
    command += ["--structures", str(structures), "--out", str(pool), "--workers", "1"]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        # Killed in the second block, when the first is written.
        while not list(journal.glob("b2/*.npz")) and time.monotonic() < deadline:
            assert first.poll() is None, "the run ended before it could be killed"
            time.sleep(0.005)
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    before = {p: p.stat().st_mtime_ns for p in (*pool.glob("*.parquet"), *journal.glob("*/*.npz"))}
    assert {p.name[:2] for p in before if p.suffix == ".parquet"} == {"b1"}
    assert len(list(journal.glob("b2/*.npz"))) < 3
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert len(list(journal.glob("*/*.npz"))) == 6
    assert [p.name for p in sorted(pool.iterdir())] == [p.name for p in sorted((made / "pool").iterdir())]
    for path in pool.iterdir():
        assert path.read_bytes() == (made / "pool" / path.name).read_bytes()


def test_blocks_can_be_chosen_and_unknown_ones_are_named(made, recipe_file, structures, tmp_path):
    (tmp_path / "journal").symlink_to(made / "journal")
    run(recipe_file, structures, tmp_path, only=["b2"], resume=True)
    assert {p.name[:2] for p in (tmp_path / "pool").iterdir()} == {"b2"}
    with pytest.raises(DataError, match="there is no block b9: the recipe has b1, b2"):
        run(recipe_file, structures, tmp_path, only=["b9"])


@pytest.fixture(scope="module")
def constructed(made, recipe_file):
    assert main(["constructions", str(recipe_file), "--out", str(made), "--report", str(made / "r")]) == 0
    return made


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


def test_a_construction_waits_for_its_blocks(constructed, recipe_file, tmp_path, capsys):
    (tmp_path / "pool").mkdir()
    for path in (constructed / "pool").glob("b1.*"):
        (tmp_path / "pool" / path.name).symlink_to(path)
    command = ["constructions", str(recipe_file), "--out", str(tmp_path)]
    assert main(command) == 2
    assert "two: 1 of 2 families wait for blocks" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()
    assert main([*command, "--partial"]) == 0
    split = mfbench.load_split(tmp_path / "two")
    assert ([t.family_id for t in split.tasks], split.manifest.version) == (["a"], "0-partial")


def test_an_altered_block_is_found(constructed, recipe_file, tmp_path):
    (tmp_path / "pool").mkdir()
    for path in (constructed / "pool").iterdir():
        (tmp_path / "pool" / path.name).write_bytes(path.read_bytes())
    assert main(["constructions", str(recipe_file), "--out", str(tmp_path)]) == 0
    shard = tmp_path / "pool" / "b2.configurations.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DataError, match=r"b2\.configurations\.parquet is corrupted"):
        mfbench.load_split(tmp_path / "two")


def test_a_fragment_in_two_blocks_is_refused(made, tmp_path):
    for path in (made / "pool").glob("b1.*"):
        for block in ("b1", "b3"):
            (tmp_path / path.name.replace("b1", block)).symlink_to(path)
    with pytest.raises(DataError, match="is in blocks b1 and b3"):
        take_inventory(tmp_path, ["b1", "b2", "b3"])


def _candidate(residues):
    return SimpleNamespace(pdb_id="1aaa", kind="residue", residues=residues)


def _outcome(slot, made, rejected):
    found = None if made is None else SimpleNamespace(fragment_id=f"1aaa.r.{made}.xx")
    rejections = [{"fragment": f"1aaa.r.{name}.xx"} for name in rejected]
    return Outcome(slot.name, slot.family_id, slot.number, slot.heldout, found, rejections, 0.0, 0.0)


def test_an_empty_slot_takes_what_other_slots_of_its_group_did_not_need(monkeypatch):
    monkeypatch.setattr(
        "mfbench_tasks.pool.fragment_id", lambda pdb, kind, where, group: f"1aaa.r.{where}.xx"
    )
    names = [("A1", "A2"), ("A3", "A4", "A5"), ("A6", "A7")]
    slots = [Slot("g", k, k == 2, tuple(map(_candidate, found))) for k, found in enumerate(names)]
    finished = {
        "g-0": _outcome(slots[0], None, ["A1", "A2"]),
        "g-1": _outcome(slots[1], "A4", ["A3"]),
        "g-2": _outcome(slots[2], "A6", []),
    }
    (again,) = refills(slots, finished)
    # Not A3 (rejected), not A4 (taken), not A7 (for a held-out slot).
    assert (again.name, [c.residues for c in again.candidates]) == ("g-0", ["A5"])
    assert len(again.rejections) == 2
    # Filled: nothing is left to do. Rejected as well: the slot stays empty, for good.
    for made, rejected in (("A5", ["A1", "A2"]), (None, ["A1", "A2", "A5"])):
        assert refills(slots, finished | {"g-0": _outcome(slots[0], made, rejected)}) == []


def test_a_family_that_lost_its_support_is_left_out():
    stored = tuple(Stored(f"x/s0/{k}", "x", "x/s0") for k in range(4))
    held = Held("x", "b", "g", "residue", "residue:ALA", "1aaa_A", frozenset({1, 6}), stored)
    inventory = Inventory({"x": held}, {("1aaa_A", False): ("x",)})
    rows = [row("a", "train", "1aaa_A")]
    assert arrange(rows, inventory, min_support=4) == ([], ["a"])  # nothing held out
    inventory.groups["1aaa_A", True] = ("x",)
    assert arrange(rows, inventory, min_support=5) == ([], ["a"])
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
            fragments[name] = Held(name, "b", graph, kind, graph, f"{n}_A", frozenset({6}), ())
        fold = "train" if n < 8 else "test"
        ids = (str(n), fold, "s", "t", (f"{n}_A",), (f"c{n}",))
        families.append(Arranged(*ids, tuple(names[:6]), tuple(names[6:])))
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


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [row("a", "train", "1aaa_A"), row("b", "test", "1aaa_B")],
            "entry 1aaa is in folds train and test",
        ),
        (
            [row("a", "train", "1aaa_A"), row("b", "validation", "1bbb_A", clusters=("1aaa_A",))],
            "cluster 1aaa_A is in folds train and validation",
        ),
        ([row("a", "train", "1lmb_3")], "train family a uses a group reserved for test families"),
        ([row("a", "validation", "1aaa_A", "1lmb_3")], "validation family a uses a group reserved"),
    ],
)
def test_tables_of_families_that_break_their_promises_are_refused(rows, says):
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
    ],
)
def test_a_wrong_recipe_is_one_line(tmp_path, capsys, old, new, says):
    path = tmp_path / "wrong.yaml"
    path.write_text(RECIPE.replace(old, new))
    assert main(["pool", str(path), "--structures", "x", "--out", str(tmp_path / "o")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line


def test_the_committed_tables_are_large_enough_and_hold_what_the_blocks_hold():
    recipe = load_pool_recipe(ROOT / "tasks" / "recipes" / "pool.yaml")
    groups = {g.id: g for b in recipe.blocks for g in b.groups if g.kind == "protein"}
    mini = read_table(mfbench.split.EMBEDDED / "cath-mini" / "families.parquet").to_pylist()
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
            assert len({r.stratum for r in rows if r.fold == fold}) == 5
        for r in rows:
            if r.pool in groups:
                assert not groups[r.pool].heldout_only
                assert r.heldout == r.pool or groups[r.heldout].beside == r.pool
                used |= {r.pool, r.heldout}
    assert used == set(groups)
    # cath holds topologies out whole; cluster30 may share them, and does.
    topology = {name: r.family_id for r in tables["cath"] for name in r.proteins}
    fold_of = {}
    for r in tables["cluster30"]:
        fold_of.setdefault(topology[r.pool], set()).add(r.fold)
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
        assert {name for row in rows for name in (row.pool, row.heldout)} <= groups | mini
    assert recipe.gates.of("heme").strain > recipe.gates.of("contact").strain


def test_a_chemistry_group_needs_its_family(tmp_path):
    recipe = load_pool_recipe(ROOT / "tasks" / "recipes" / "pool.yaml")
    group = recipe.group("plp")
    with pytest.raises(DataError, match="no family nowhere"):
        plan_group(group.model_copy(update={"id": "nowhere"}), recipe, tmp_path)
    with pytest.raises(DataError, match="name it as 'chemistry'"):
        plan_group(group, recipe.model_copy(update={"chemistry": None}), tmp_path)
