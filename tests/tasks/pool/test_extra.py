"""Deep pools and larger cuts: further labels for test families, and for these alone."""

import shutil

import numpy as np
import pytest

import mfbench
from mfbench.audit.near_duplicates import NEAR_TWIN
from mfbench.cli import main
from mfbench.data.alignment import aligned_rmsd
from mfbench.data.configuration import Prediction
from mfbench.data.molecular_graph import bonds
from mfbench.data.parquet import read_table
from mfbench.errors import DataError
from mfbench_tasks.fragments import select
from mfbench_tasks.fragments.stored import stored_fragment
from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.pool import groups
from mfbench_tasks.pool.deep_pools import deep_jobs
from mfbench_tasks.pool.recipe import load_pool_recipe

EXTRA = """
deep: {configurations: 6, draw_length: 10, frames: 2, md_K: [300], displaced_K: [400]}
blocks:"""
BLOCKS = """
  - name: d1
    groups:
      - {kind: deep, id: deep.b, of: 1bbb_A}
  - name: l1
    groups:
      - {kind: larger, id: larger.b, of: 1bbb_A, protein: 1bbb_A, cuts: 1}
constructions:"""


@pytest.fixture(scope="module")
def extra(tools, built, recipe_file, structures, tmp_path_factory):
    """The pool with a deep pool and larger cuts of family b, and its constructions."""
    folder = tmp_path_factory.mktemp("extra")
    shutil.copytree(built / "blocks", folder / "blocks")
    shutil.copy(recipe_file.with_name("families.tsv"), folder)
    text = tools.RECIPE.replace("\nblocks:", EXTRA).replace("\nconstructions:", BLOCKS)
    (folder / "pool.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        for module in (select, groups):  # small, so that the test is quick
            patch.setattr(module, "SEGMENT_ATOMS", (28, 40))
        tools.run(folder / "pool.yaml", structures, folder)
    command = ["data", "construct", str(folder / "pool.yaml"), "--pool", str(folder / "blocks")]
    assert main([*command, "--out", str(folder), "--report", str(folder / "r")]) == 0
    return folder


@pytest.fixture(scope="module")
def deep_ids(extra):
    """Configurations of the deep block."""
    return set(read_table(extra / "blocks" / "d1.configurations.parquet")["config_id"].to_pylist())


@pytest.fixture(scope="module")
def family(extra):
    return mfbench.load_split(extra / "two").test[0]


def test_a_deep_pool_adds_support_to_fragments_that_are_there(family, deep_ids):
    deep = [c for c in family.support if c.config_id in deep_ids]
    assert len(family.support) == 4 + len(deep) == 4 + 2 * 6
    assert {c.fragment_id for c in deep} == {c.fragment_id for c in family.query}
    assert {c.sampler for c in deep} == {"md", "displaced"}
    for c in deep:
        label = Gfn2(c.atomic_numbers, c.total_charge).label(c.positions)
        assert abs(label.energy - c.energy) < 1e-6
        query = np.array([q.positions for q in family.query if q.fragment_id == c.fragment_id])
        assert aligned_rmsd(c.positions, query).min() > NEAR_TWIN
    assert family.draws.shape == (2, 10)
    for row in family.draws.tolist():
        assert len(set(row)) == 10


def test_only_test_families_are_deep_and_minis_are_not(extra, deep_ids):
    train = mfbench.load_split(extra / "two").train[0]
    (mini,) = mfbench.load_split(extra / "small").tasks
    for other in (train, mini):
        assert not deep_ids & {c.config_id for c in other.support}
        assert not other.larger
        assert other.draws.shape == (2, 4)
    assert (extra / "pool" / "two-test.deep.configurations.parquet").is_file()
    assert read_table(extra / "pool" / "two-test.deep.fragments.parquet").num_rows == 0


def test_larger_cuts_are_asked_apart(extra, family):
    split = mfbench.load_split(extra / "two")
    assert len(family.larger) == 2
    assert min(len(c) for c in family.larger) >= 28
    assert not {c.fragment_id for c in family.larger} & {c.fragment_id for c in family.query}

    class Wrong:
        """Right about everything but larger cuts, where each force is 1 eV/Å off."""

        name = "wrong"

        def __init__(self):
            self.known = {c.positions.tobytes(): c for c in family.everything}

        def adapt(self, support, *, budget, seed):
            return self

        def predict(self, configurations):
            found = [self.known[c.positions.tobytes()] for c in configurations]
            names = {c.config_id for c in family.larger}
            return [Prediction(c.energy, c.forces + (c.config_id in names)) for c in found]

    results = mfbench.evaluate(Wrong(), split, ks=[2], draws=1)
    for subset in ("all", "seen", "unseen"):
        assert results.value("force_rmse", 2, subset) < 1e-3
    assert results.value("force_rmse", 2, "larger") == pytest.approx(23.06, abs=0.01)
    assert mfbench.evaluate("constant", split, ks=[0], draws=1).find("force_rmse", 0, "larger")


def test_every_check_passes_on_such_a_split(extra):
    from mfbench.audit.checks import verify_split

    checks = {check.name: check for check in verify_split(extra / "two")}
    assert all(checks[name].passed for name in ("counts", "roles", "folds", "draws", "near-twins"))


def test_a_stored_fragment_is_the_one_that_was_made(extra):
    for block in ("b1", "l1"):
        for row in read_table(extra / "blocks" / f"{block}.fragments.parquet").to_pylist():
            fragment, relaxed = stored_fragment(row)
            assert f"{fragment.motif.split(':')[1]} {fragment.residues}" == row["residues"]
            assert len(bonds(fragment.atomic_numbers, relaxed)) == len(fragment.bonds)


def test_a_deep_group_needs_its_fragments(extra, tmp_path):
    recipe = load_pool_recipe(extra / "pool.yaml")
    with pytest.raises(DataError, match="make its block first"):
        deep_jobs(recipe.group("deep.b"), recipe, tmp_path)
