"""The rival is mace-torch's own training: our size, our labels, and the budget that it is given."""

import subprocess

import numpy as np
import pytest

import mfbench
from benchmarks import mace_run_train as rival
from mfbench.errors import TrainingError
from mfbench.own.starts import find_start

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def support():
    """Ten labels of one molecule."""
    task = mfbench.load_split("levels-mini").test[0]
    name = task.support[0].fragment_id
    return [c for c in task.support if c.fragment_id == name][:10]


def test_it_is_as_large_as_ours_and_learns_from_four_fifths(support, tmp_path):
    from ase import Atoms

    config = find_start("scratch", support).config
    done = rival.train(tmp_path / "run", support, config, 0, steps=4)
    assert (done.epochs, done.gradients) == (2, 16)
    texts = [(tmp_path / "run" / f"{role}.xyz").read_text() for role in ("train", "valid")]
    assert [text.count("REF_energy=") for text in texts] == [8, 2]
    calculator = done.calculator()
    network = calculator.models[0]
    assert float(network.r_max) == pytest.approx(config.r_max)
    assert network.node_embedding.linear.weight.numel() == len(network.atomic_numbers) * config.channels
    atoms = Atoms(support[0].atomic_numbers, support[0].positions)
    atoms.calc = calculator
    zero = np.mean([c.energy for c in support])
    assert abs(atoms.get_potential_energy() - zero) < 5, "thousands of eV are its own zero"
    assert np.abs(atoms.get_forces()).max() > 0


def test_a_wall_time_becomes_epochs_by_the_pace_on_the_same_labels(support, tmp_path, monkeypatch):
    def timed(folder, *given, epochs, **options):
        return rival.Trained(folder / "m", epochs, 0, 5.0 + 0.5 * epochs)

    monkeypatch.setattr(rival, "train", timed)
    assert rival._epochs_within(tmp_path, 105.0, support, None, 0, "average") == 200
    assert rival._epochs_within(tmp_path, 3.0, support, None, 0, "average") == 12


def test_a_pace_that_cannot_be_told_from_the_start_is_not_guessed(support, tmp_path, monkeypatch):
    asked = []

    def noise(folder, *given, epochs, **options):
        asked.append(epochs)
        return rival.Trained(folder / "m", epochs, 0, 5.0)

    monkeypatch.setattr(rival, "train", noise)
    with pytest.raises(TrainingError, match="the pace cannot be measured"):
        rival._epochs_within(tmp_path, 105.0, support, None, 0, "average")
    assert max(asked) > 1000


def test_steps_become_epochs_of_whole_batches(support, tmp_path, monkeypatch):
    """Of eight, seven are learned from: one batch of four an epoch."""
    failed = subprocess.CompletedProcess([], 1, "", "stop here")
    seen = []
    monkeypatch.setattr(rival.subprocess, "run", lambda words, **options: (seen.extend(words), failed)[1])
    with pytest.raises(TrainingError):
        rival.train(tmp_path / "run", support[:8], find_start("scratch", support).config, 0, steps=20)
    assert "--max_num_epochs=20" in seen


def test_what_it_cannot_do_is_said_with_its_own_words(support, tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\n ValueError: no such key")
    monkeypatch.setattr(rival.subprocess, "run", lambda *given, **options: failed)
    config = find_start("scratch", support).config
    with pytest.raises(TrainingError, match="mace_run_train failed: Traceback ValueError: no such key"):
        rival.train(tmp_path / "run", support, config, 0, steps=4)
