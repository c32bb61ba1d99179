"""Labels at another level lie beside the geometries: the same tasks, other energies and forces."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mfbench.data.label_table import read_labels, write_labels
from mfbench.data.levels import EnergyShift, LevelCard, read_level_labels, write_level
from mfbench.data.parquet import FORCE_GRID, sha256
from mfbench.data.split import load_split
from mfbench.errors import DataError, UnknownNameError


@pytest.fixture
def copy(small, tmp_path):
    """A split that a test may add labels to."""
    return Path(shutil.copytree(small, tmp_path / "copy"))


def label(split, folder, keep=lambda c: True, name="softer"):
    """Labels of a level at which all forces are halved and all energies are 1 eV higher."""
    place = folder / "labels" / name
    place.mkdir(parents=True)
    labels = {
        c.config_id: (c.energy + 1.0, c.forces / 2) for t in split.tasks for c in t.everything if keep(c)
    }
    write_labels(place / "part-0000.parquet", labels)
    card = LevelCard(
        name=name,
        description="half of it",
        citation="",
        settings={},
        tools={},
        isolated_atom_energies_eV={z: e for z, e in split.isolated_atom_energies.items()},
        labels=len(labels),
        failed={},
        seconds_per_label=0.1,
        files={"part-0000.parquet": sha256(place / "part-0000.parquet")},
    )
    write_level(place, card)
    return place


def test_labels_are_read_back_on_the_storage_grid(tmp_path):
    forces = np.random.default_rng(0).normal(size=(5, 3))
    write_labels(tmp_path / "a.parquet", {"b": (-2.0, forces), "a": (-1.0, forces[:2])})
    back = read_labels(tmp_path / "a.parquet")
    assert list(back) == ["a", "b"]
    assert back["b"][0] == -2.0
    assert np.abs(back["b"][1] - forces).max() <= FORCE_GRID / 2
    assert back["a"][1].shape == (2, 3)


def test_a_level_gives_the_same_tasks_with_its_labels_and_another_data_hash(copy):
    plain = load_split(copy)
    label(plain, copy)
    other = load_split(copy, level="softer")
    assert other.manifest.data_hash != plain.manifest.data_hash
    assert other.manifest.level_of_theory == "half of it"
    for a, b in zip(plain.tasks, other.tasks, strict=True):
        np.testing.assert_array_equal(a.draws, b.draws)
        for one, two in zip(a.everything, b.everything, strict=True):
            assert two.config_id == one.config_id
            assert two.energy == one.energy + 1.0
            np.testing.assert_allclose(two.forces, one.forces / 2, atol=FORCE_GRID)


def test_draws_keep_their_order_where_some_labels_are_missing(copy):
    plain = load_split(copy)
    gone = {t.support[t.draws[0, 0]].config_id for t in plain.tasks}
    label(plain, copy, keep=lambda c: c.config_id not in gone)
    other = load_split(copy, level="softer")
    for a, b in zip(plain.tasks, other.tasks, strict=True):
        first = [a.support[i].config_id for i in a.draws[0] if a.support[i].config_id not in gone]
        assert [b.support[i].config_id for i in b.draws[0]] == first[: b.draws.shape[1]]


def test_a_level_without_labels_is_refused_and_the_known_ones_are_named(copy):
    label(load_split(copy), copy)
    with pytest.raises(UnknownNameError, match="there are softer"):
        load_split(copy, level="pm7")


def test_an_altered_table_of_labels_is_noticed(copy):
    place = label(load_split(copy), copy)
    part = place / "part-0000.parquet"
    part.write_bytes(part.read_bytes()[:-9] + b"altered!!")
    with pytest.raises(DataError, match="corrupted or altered"):
        read_level_labels(place)


def test_a_shift_adds_elements_and_charge(copy):
    c = next(c for t in load_split(copy).tasks for c in t.support)
    shift = EnergyShift(elements={int(z): 0.5 for z in set(c.atomic_numbers)}, anion=7.0)
    assert shift.of(c) == pytest.approx(0.5 * len(c))
    with pytest.raises(DataError, match="no energy zero for element"):
        EnergyShift(elements={}).of(c)
