"""What the card says of levels: how far they are from DFT, and stored DFT labels from tight ones."""

import json
from pathlib import Path

import numpy as np
import pytest

import mfbench
from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench_tasks.card.levels import level_section, read_level_splits
from mfbench_tasks.labelling.entry import Entry
from mfbench_tasks.levels.dft_distances import distances_from_dft
from mfbench_tasks.levels.level_table import SEMIEMPIRICAL
from mfbench_tasks.levels.tight_check import chosen, differences

DATA = Path(__file__).parents[3] / "tasks" / "data"


@pytest.fixture(scope="module")
def molecule():
    """Six configurations of one small molecule with their GFN2 labels."""
    split = mfbench.load_split("cath-mini")
    found = sorted((c for t in split.train for c in t.support), key=len)
    return [c for c in found if c.fragment_id == found[0].fragment_id][:6]


def stored(configurations, *, off_by=0.0, pull=0.0):
    return {c.config_id: (c.energy + off_by, c.forces + pull) for c in configurations}


def test_a_level_is_at_no_distance_from_its_own_labels_wherever_their_zero_is(molecule):
    found = distances_from_dft(molecule, stored(molecule, off_by=7.0), each=2)
    assert len(found["sample"]) == 2
    assert set(found["pairs"]) == set(SEMIEMPIRICAL)
    assert found["pairs"]["gfn2"]["force_rmse"] < 0.01
    assert found["pairs"]["gfn2"]["energy_rmse_within"] < 0.01
    assert found["pairs"]["pm7"]["force_rmse"] > 5


def test_the_sample_for_tight_labels_is_two_per_cent_and_at_least_two(molecule):
    assert len(chosen(molecule)) == 2
    many = [mfbench.Configuration(**{**vars(molecule[0]), "config_id": f"a/s0/{i}"}) for i in range(200)]
    assert len(chosen(many)) == 4
    assert chosen(many) == chosen(many[::-1])


def test_an_offset_of_tight_labels_is_told_apart_from_an_error(molecule):
    tight = {c.config_id: Entry(c.config_id, c.energy, c.forces) for c in molecule}
    found = differences(molecule, stored(molecule, off_by=0.01, pull=0.02), tight)
    assert found["configurations"] == 6
    assert found["energy_offset"] == pytest.approx(0.01 * EV_TO_KCAL_MOL)
    assert found["energy_max_about_offset"] == pytest.approx(0, abs=1e-9)
    assert found["force_rms"] == pytest.approx(0.02 * EV_TO_KCAL_MOL)


def test_the_card_shows_what_was_measured_and_nothing_else(molecule, tmp_path):
    splits = read_level_splits(DATA, ["levels"])
    assert "tight" not in "\n".join(level_section(splits, tmp_path))
    tight = {c.config_id: Entry(c.config_id, c.energy, c.forces) for c in molecule}
    measured = differences(molecule, stored(molecule, pull=np.array([0.02, 0, 0])), tight)
    record = {"settings": {"grid_level": 5, "energy_tolerance": 1e-9}, **measured}
    (tmp_path / "dft-tight.json").write_text(json.dumps(record))
    text = " ".join("\n".join(level_section(splits, tmp_path)).split())
    assert "sample of 6 DFT labels" in text
    assert f"at most {0.02 * EV_TO_KCAL_MOL:.3g} kcal/mol/Å" in text
