"""SO3LR through the seam: the numbers of its own calculator, derivatives, what it refuses, the command."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import mfbench
from mfbench.cli import main
from mfbench.errors import PredictionError
from mfbench.methods.public_models import PUBLIC_MODELS
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.submission.card import read_card
from mfbench.submission.detectors.training_overlap import overlap_findings
from mfbench_torch.foreign.model import ForeignNetwork
from mfbench_torch.foreign.so3lr import read_so3lr
from mfbench_torch.libraries import default_dtype

so3 = pytest.importorskip("so3krates_torch.calculator.so3")


@pytest.fixture(scope="module")
def molecules():
    """A neutral molecule, an anion, one with sulfur."""
    query = [c for task in mfbench.load_split("cath-mini").test for c in task.query]
    kinds = (
        lambda c: c.total_charge == 0,
        lambda c: c.total_charge == -1,
        lambda c: 16 in c.atomic_numbers,
    )
    return [next(c for c in query if kind(c)) for kind in kinds]


def network(dtype):
    model = read_so3lr(dtype)
    return ForeignNetwork(model, dict(model.module.named_parameters()))


@pytest.mark.parametrize(("dtype", "apart"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_energies_and_forces_are_those_of_its_own_calculator(molecules, dtype, apart):
    from ase import Atoms

    with default_dtype(torch.get_default_dtype()):  # the calculator changes it
        compare(molecules, dtype, apart, Atoms)


def compare(molecules, dtype, apart, atoms_of):
    calculator = so3.SO3LRCalculator(r_max_lr=12.0, default_dtype=str(dtype).removeprefix("torch."))
    energies, forces = network(dtype)(molecules)
    for c, energy, force in zip(molecules, energies, forces, strict=True):
        atoms = atoms_of(numbers=c.atomic_numbers, positions=c.positions)
        atoms.info["charge"] = c.total_charge
        atoms.calc = calculator
        assert abs(energy - atoms.get_potential_energy()) < max(apart, 1e-6 * abs(energy))
        assert np.abs(force - atoms.get_forces()).max() < apart


def test_forces_are_minus_the_slope_of_the_energy(molecules):
    one, made = molecules[1], network(torch.float64)
    (force,), rng, step = made([one])[1], np.random.default_rng(0), 1e-4
    for _ in range(3):
        direction = rng.normal(size=one.positions.shape)
        ends = [replace(one, positions=one.positions + s * step * direction) for s in (-1, 1)]
        below, above = made(ends)[0]
        assert (above - below) / (2 * step) == pytest.approx(-np.sum(force * direction), abs=1e-4)


def test_the_charge_matters_to_it(molecules):
    anion = molecules[1]
    charged, neutral = network(torch.float32)([anion, replace(anion, total_charge=0)])[1]
    assert np.abs(charged - neutral).max() > 0.1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"atomic_numbers": np.array([30, 1, 1])}, "not trained on atomic number 30"),
        ({"n_unpaired": 2}, "not trained on open shells"),
    ],
)
def test_what_it_was_not_trained_on_is_refused(change, says):
    positions = np.array([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    water = mfbench.Configuration(np.array([8, 1, 1]), positions)
    with pytest.raises(PredictionError, match=says):
        network(torch.float32)([replace(water, **change)])


def test_the_declared_number_of_weights_is_the_right_one():
    found = sum(value.numel() for value in read_so3lr(torch.float32).module.parameters())
    assert found == PUBLIC_MODELS["so3lr"].card.parameters


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The command line as a newcomer types it, K = 0."""
    out = tmp_path_factory.mktemp("so3lr") / "run"
    arguments = ["evaluate", "-m", "so3lr", "-s", "levels-mini", "--k", "0", "--draws", "1"]
    assert main([*arguments, "--out", str(out)]) == 0
    return out


def test_the_command_line_runs_it_and_the_run_says_what_it_is(run):
    results = json.loads((run / "results.json").read_text())
    assert all(row["failure"] is None for row in results["episodes"])
    card = json.loads((run / "run.json").read_text())["card"]
    assert card["public_model"]["level"] == "PBE0+MBD"
    assert card["public_model"]["licence"] == "MIT"
    assert card["strategy"] == {"strategy": "none"}


def test_without_the_package_one_line_says_how_to_get_it(split, monkeypatch):
    monkeypatch.setitem(sys.modules, "so3krates_torch", None)
    with pytest.raises(
        mfbench.errors.MfbenchError, match=r"so3krates_torch.*pip install 'mfbench\[so3lr\]'"
    ):
        load_method("so3lr", MethodContext(split))


def test_a_submission_of_it_declares_what_it_was_trained_on(run, tmp_path):
    """Licence, level and training data come into the card, and overlap is said to be unknown."""
    draft = tmp_path / "draft"
    assert main(["submit", str(run), "--draft", str(draft)]) == 0
    card = read_card((draft / "submission.yaml").read_bytes())
    assert (card.public_model.name, card.public_model.licence) == ("SO3LR", "MIT")
    assert card.parameters == 529_852
    assert [data.name for data in card.training] == ["SO3LR training data (doi:10.5281/zenodo.14779793)"]
    (finding,) = overlap_findings(card, mfbench.load_split("levels-mini"))
    assert "overlap with the test families was not computed" in finding.message
