"""Labelling again: at every level that is installed, and of dear levels the smallest molecules."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from mfbench.cli import main
from mfbench.data.configuration import Configuration
from mfbench_tasks.labelling.level import Level
from mfbench_tasks.labelling.read_structures import read_structures
from mfbench_tasks.labelling.registry import LEVELS, find_level
from mfbench_tasks.labelling.relabel import relabel
from mfbench_tasks.labelling.tblite import Label

RECIPES = Path(__file__).parents[3] / "tasks" / "recipes"


class Counting:
    """An engine that gives zero energy and forces, and notes how many atoms it was asked for."""

    asked: ClassVar[list[int]] = []

    def label(self, positions):
        self.asked.append(len(positions))
        return Label(0.0, np.zeros_like(positions))


@pytest.fixture
def dear(monkeypatch):
    Counting.asked = []
    level = Level("dear", "", lambda *_: Counting(), frozenset(), "", "", dear=True)
    monkeypatch.setitem(LEVELS, "dear", level)
    return Counting.asked


def chain(n):
    x = np.outer(np.arange(n), [0.0, 0.0, 1.5])
    return Configuration(np.full(n, 2), x, energy=0.0, forces=0 * x, config_id=f"he{n}")


def test_a_dear_level_labels_two_of_the_smallest_molecules_again(dear):
    found = relabel([chain(n) for n in (9, 4, 7, 3, 8)], 5, level="dear")
    assert dear == [3, 4]
    assert (found.checked, found.ok) == (2, True)


def test_among_equals_the_seed_chooses(dear):
    equal = [replace(chain(3), config_id=str(i), energy=float(i)) for i in range(8)]
    worst = {relabel(equal, 2, seed=seed, level="dear").worst for seed in range(6)}
    assert len(worst) > 1


def test_dft_labels_of_another_day_are_found_again():
    """Water and hydrogen sulfide: energies as they were stored with the reference molecules."""
    pytest.importorskip("pyscf")
    molecules = read_structures(RECIPES / "reference-molecules.xyz")
    energies = json.loads((RECIPES / "reference-molecules.json").read_text())["wb97x-d"]
    level, labelled = find_level("wb97x-d"), []
    for c, energy in zip(molecules, energies, strict=True):
        if c.atomic_numbers.tolist() not in ([8, 1, 1], [16, 1, 1]):
            continue
        forces = level.engine(c.atomic_numbers).label(c.positions).forces
        assert np.abs(forces).max() < 2.0  # near a minimum of GFN2
        labelled.append(c.with_label(energy, forces))
    found = relabel(labelled, 5, level="wb97x-d")
    assert found.checked == 2
    assert found.ok
    assert found.energy < 5e-5


def test_every_installed_level_of_levels_mini_is_labelled_again(capsys):
    pytest.importorskip("tblite")
    assert main(["data", "verify", "levels-mini", "--relabel", "1"]) == 0
    out = capsys.readouterr().out
    found = dict(re.findall(r"labels at (\S+)\s+(.*)", out))
    assert {"gfn2", "gfn1", "pm7", "rm1", "am1"} <= set(found)
    mopac = shutil.which("mopac") is not None
    for level, said in found.items():
        here = level.startswith("gfn") or level == "ipea1" or mopac
        assert ("1 labelled again" in said) == here, (level, said)
