"""Fresh fragments come from entries of the family that the split does not hold, and are new molecules."""

import shutil

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

import mfbench
from mfbench.data.molecular_graph import graph_id
from mfbench.data.side_tables import read_side_tables
from mfbench_tasks.fresh.fragments import cut_outside, outside_proteins
from mfbench_tasks.recipes.recipe import CuttingPlan

SEQUENCE = ("ALA", "SER", "GLY", "CYS", "ALA", "ALA")  # the train family holds all but one of these inside
NEW = {
    "1ccc": SEQUENCE,
    "1ddd": SEQUENCE,  # of a cluster that serves the test family
    "1eee": SEQUENCE,  # of the topology, but in a membrane
}


@pytest.fixture
def split(built, tmp_path, monkeypatch):
    shutil.copytree(built[0] / "out", tmp_path / "data" / "tiny")
    monkeypatch.setenv("MFBENCH_DATA", str(tmp_path / "data"))
    return mfbench.load_split("tiny")


@pytest.fixture
def more(tmp_path, peptides, write_structures):
    """The structures of the build, and new ones."""
    (tmp_path / "more").mkdir()
    return write_structures(
        tmp_path / "more", peptides | NEW, membrane=["1eee"], clusters={"1ddd": "c2aaa"}
    )


def test_only_other_entries_of_the_family_serve_and_no_cluster_of_another_family(split, more, structures):
    families = [task.family_id for task in split.tasks]
    plan = CuttingPlan.model_validate(split.manifest.recipe["plan"])
    found = outside_proteins(split, families, more, plan)
    assert {f: [p.name for p in proteins] for f, proteins in found.items()} == {"1.1.1": ["1ccc_A"]}
    assert outside_proteins(split, families, structures, plan) == {}


def test_a_fragment_from_outside_is_a_labelled_molecule_that_its_family_lacks(split, more):
    ticks = []
    found = cut_outside(split, ["1.1.1"], more, 3, fragments=1, tick=lambda *t: ticks.append(t))
    (task,) = [task for task in split.tasks if task.family_id == "1.1.1"]
    (names,) = [{c.fragment_id for c in found["1.1.1"]}]
    (name,) = names
    assert name.startswith("1ccc.r.")
    assert not names & set(read_side_tables("tiny", split).fragments.index)
    assert {c.config_id.split("/")[1] for c in found["1.1.1"]} == {"q0", "q1"}
    for c in found["1.1.1"]:
        assert c.graph_id == graph_id(c.atomic_numbers, c.positions, c.total_charge, c.n_unpaired)
        assert c.graph_id not in task.graphs.values()
        assert abs(c.forces).max() > 0
    assert ticks == [(1, 1)]
    again = cut_outside(split, ["1.1.1"], more, 4, fragments=1)
    assert again["1.1.1"][0].energy != found["1.1.1"][0].energy  # another secret, other configurations
