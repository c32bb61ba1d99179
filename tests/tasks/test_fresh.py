"""Fresh configurations of a split: away from the published support, under the bounds of its build."""

import json
from dataclasses import replace

import pytest

import mfbench
from mfbench.data.alignment import aligned_rmsd
from mfbench.data.side_tables import read_side_tables
from mfbench.errors import DataError

pytest.importorskip("tblite")

from mfbench_tasks.fresh import configurations as fresh
from mfbench_tasks.labelling.level import FORCE_TOLERANCE
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.recipes.recipe import Gates, Sampling

SHORT = [["s0", "md", 300.0, 2], ["q0", "md", 350.0, 2], ["q1", "displaced", 300.0, 2]]
"""Trajectories to sample: two for the query, with two configurations each."""


@pytest.fixture
def tiny(monkeypatch):
    """A split of one family with one fragment, the smallest of cath-mini, sampled briefly."""
    split = mfbench.load_split("cath-mini")
    tables = read_side_tables("cath-mini", split)
    name = min(tables.fragments.index, key=lambda f: len(tables.fragments.loc[f, "atomic_numbers"]))
    row = tables.fragments.loc[[name]].copy()
    sampler = json.loads(row["sampler"].iloc[0]) | {"trajectories": SHORT, "equilibration_steps": 10}
    row["sampler"] = json.dumps(sampler)
    monkeypatch.setattr(fresh, "read_side_tables", lambda *_: replace(tables, fragments=row))
    (task,) = [task for task in split.tasks if name in task.graphs]
    support = tuple(c for c in task.support if c.fragment_id == name)
    return replace(split, tasks=(replace(task, support=support, graphs={name: task.graphs[name]}),))


def sampled(split, seed=5):
    (task,) = split.tasks
    return fresh.resample(split, [task.family_id], seed)[task.family_id]


def with_support(split, support):
    return replace(split, tasks=(replace(split.tasks[0], support=tuple(support)),))


def with_gates(split, gates):
    recipe = split.manifest.recipe | {"gates": gates}
    return replace(split, manifest=split.manifest.model_copy(update={"recipe": recipe}))


def test_fresh_configurations_keep_away_from_the_published_support(tiny):
    """What the seed gives is published as support; the same seed then has to go elsewhere."""
    before = sampled(with_support(tiny, []))
    assert len(before) == 4
    published = [c for c in before if c.config_id.endswith("/0")]
    after = sampled(with_support(tiny, published))
    assert after
    nearest = [min(aligned_rmsd(c.positions, s.positions[None])[0] for s in published) for c in after]
    assert min(nearest) >= Gates().near_twin
    assert {c.positions.tobytes() for c in after} & {c.positions.tobytes() for c in before[1::2]}


def test_the_bounds_are_those_of_the_build_also_by_kind(tiny):
    kind = fresh.read_side_tables().fragments["kind"].iloc[0]
    gates = tiny.manifest.recipe["gates"]
    assert sampled(with_gates(tiny, gates | {"by_kind": {"another": {"strain": -1.0}}}))
    assert not sampled(with_gates(tiny, gates | {"by_kind": {kind: {"strain": -1.0}}}))
    assert not sampled(with_gates(tiny, gates | {"strain": -1.0}))


def test_the_sampler_stored_with_a_fragment_is_that_of_its_kind():
    split = mfbench.load_split("chemistry-mini")
    sampling = Sampling.model_validate(split.manifest.recipe["sampling"])
    rows = read_side_tables("chemistry-mini", split).fragments
    assert {"site", "modified"} <= set(rows["kind"]) & set(sampling.by_kind)
    for row in rows.itertuples():
        stored = json.loads(row.sampler)
        wanted = sampling.of(row.kind).model_dump(mode="json")
        assert {n: stored[n] for n in sampling.by_kind[row.kind]} == sampling.by_kind[row.kind]
        assert all(wanted[n] == stored[n] for n in set(wanted) & set(stored))


def test_a_split_that_was_sampled_otherwise_is_refused(tiny):
    recipe = {"gates": {}, "scan": {}}
    other = replace(tiny, manifest=tiny.manifest.model_copy(update={"recipe": recipe}))
    with pytest.raises(DataError, match="sampled along reactions"):
        sampled(other)


def test_a_task_at_another_level_is_labelled_there_and_on_the_published_scale(monkeypatch):
    split = mfbench.load_split("levels-mini")
    task = next(task for task in split.test if task.level == "pm7")
    tables = read_side_tables("levels-mini", split)
    rows = tables.fragments.loc[sorted(task.graphs)].copy()
    shorter = [
        json.loads(s) | {"trajectories": SHORT[1:2], "equilibration_steps": 10} for s in rows["sampler"]
    ]
    rows["sampler"] = [json.dumps(s) for s in shorter]
    monkeypatch.setattr(fresh, "read_side_tables", lambda *_: replace(tables, fragments=rows))
    found = fresh.resample(split, [task.family_id], 3, fragments=1, configurations=1)[task.family_id]
    (c,) = found
    level = find_level("pm7").engine(c.atomic_numbers, c.total_charge, c.n_unpaired)
    assert c.forces == pytest.approx(level.label(c.positions).forces, abs=FORCE_TOLERANCE)
    published = [other.energy for other in task.everything if other.fragment_id == c.fragment_id]
    assert min(published) - Gates().strain < c.energy < min(published) + 2 * Gates().strain


@pytest.mark.parametrize("level", ["pm7", "wb97x-d"])
def test_a_task_at_another_level_is_asked_for_as_many_as_are_published(level):
    split = mfbench.load_split("levels-mini")
    task = next(task for task in split.test if task.level == level)
    table = read_side_tables("levels-mini", split).fragments
    for job in fresh._jobs(task, table, fresh._bounds(split), 3, None):
        published = sum(c.fragment_id == job.name for c in (*task.query, *task.heldout))
        assert fresh._at_level(job, split, task, None).most == published > 1
        assert fresh._at_level(job, split, task, 2).most == 2
