"""The constructions in the repository keep what the design promises of them."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import mfbench
from mfbench.audit.checks import CHECKS, verify_split
from mfbench.data.split import EMBEDDED

DATA = Path(__file__).parents[2] / "tasks" / "data"
FULL = ("cath", "cluster30", "chemistry", "shuffled")
MINIS = {"cath-mini": "cath", "cluster30-mini": "cluster30", "chemistry-mini": "chemistry"}
MIB = 2**20


@cache
def load(name):
    return mfbench.load_split(name, verify=False)


@pytest.mark.parametrize("name", [*FULL, "cluster30-mini", "chemistry-mini"])
def test_every_check_passes(name):
    found = verify_split(name)
    assert [check.name for check in found if check.passed] == ["hashes", *CHECKS]


@pytest.mark.parametrize("name", ["cath", "cluster30", "chemistry"])
def test_stored_labels_are_the_engines(name):
    pytest.importorskip("tblite")
    from mfbench_tasks.labelling.relabel import relabel

    checks = verify_split(name, relabel=lambda *args: relabel(*args, seed=7), count=6)
    assert checks[-1].passed, checks[-1].finding


def test_there_are_enough_families():
    for name, least in (("cath", (100, 10, 20)), ("cluster30", (100, 10, 20)), ("chemistry", (30, 4, 8))):
        split = load(name)
        sizes = (len(split.tasks), len(split.validation), len(split.test))
        assert all(n >= m for n, m in zip(sizes, least, strict=True)), (name, sizes)
        for task in split.tasks:
            assert len(task.support) >= 200
            asked = [c.fragment_id for c in (*task.query, *task.heldout)]
            assert min(np.unique(asked, return_counts=True)[1]) >= 15


def test_the_test_fold_of_chemistry_tells_seen_from_unseen_elements():
    split = load("chemistry")
    known = {int(z) for c in split.train_configurations for z in c.atomic_numbers}
    for task in split.test:
        new = {int(z) for c in task.everything for z in c.atomic_numbers} - known
        assert bool(new) == (task.stratum == "unseen-element"), task.family_id
    assert {task.stratum for task in split.test} == {"seen-elements", "unseen-element"}


def test_some_test_families_are_deep_and_some_have_larger_cuts():
    for name in ("cath", "chemistry"):
        deep = [t for t in load(name).tasks if t.draws.shape[1] >= 5000]
        assert len(deep) >= 2
        assert all(t.fold == "test" and len(t.support) >= 5000 for t in deep)
    larger = [t for t in load("cath").tasks if t.larger]
    assert len(larger) >= 5
    for task in larger:
        assert task.fold == "test"
        assert all(60 <= len(c) <= 100 for c in task.larger)


@pytest.mark.parametrize("name", MINIS)
def test_a_mini_is_part_of_its_construction(name):
    whole = {task.family_id: task for task in load(MINIS[name]).tasks}
    for task in load(name).tasks:
        assert task.fold == whole[task.family_id].fold
        known = {c.config_id for c in whole[task.family_id].everything}
        assert {c.config_id for c in task.everything} <= known


def test_half_of_every_family_comes_from_replicas():
    for name in ("cath", "cluster30", "chemistry"):
        for task in load(name).tasks:
            assert np.mean([c.sampler == "md" for c in task.everything]) >= 0.5, task.family_id


def test_the_data_fits_the_repository():
    sizes = [path.stat().st_size for path in DATA.rglob("*") if path.is_file()]
    embedded = [path.stat().st_size for path in EMBEDDED.rglob("*") if path.is_file()]
    assert sum(sizes) + sum(embedded) <= 40 * MIB
    assert sum(embedded) <= 7 * MIB
    assert max(sizes) <= 20 * MIB
