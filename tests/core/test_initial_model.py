"""Which checkpoint belongs to which data: new test tasks keep it, other training labels do not."""

from dataclasses import replace

import numpy as np
import pytest

from mfbench.errors import CheckpointError
from mfbench.learned.adaptation import initial_model
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.checkpoint import Checkpoint, save_checkpoint
from mfbench.learned.training.prepare import training_card
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.energy_baseline import split_baseline
from mfbench.protocol.method import MethodContext


def _version(split, tasks):
    """The split with other tasks, as a new version of it."""
    return replace(
        split, tasks=tuple(tasks), manifest=split.manifest.model_copy(update={"data_hash": "new"})
    )


CHANGES = {
    "energy": lambda c: {"energy": c.energy + 1e-3},
    "forces": lambda c: {"forces": c.forces + 1e-3},
    "geometry": lambda c: {"positions": c.positions + np.eye(len(c), 3)},
    "elements": lambda c: {"atomic_numbers": np.roll(c.atomic_numbers, 1)},
    "charge": lambda c: {"total_charge": c.total_charge + 2},
    "spin": lambda c: {"n_unpaired": c.n_unpaired + 2},
}


def _with_a_changed(task, what):
    first, *rest = task.support
    return replace(task, support=(replace(first, **CHANGES[what](first)), *rest))


@pytest.fixture
def shipped(split, tmp_path, monkeypatch):
    """A checkpoint that ships for the split."""
    config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
    weights = initial_weights(config, 0)
    card = training_card(split, TrainSettings("pretrain"), [], split_baseline(split))
    ones = {k: np.ones_like(v) for k, v in weights.items()}
    save_checkpoint(tmp_path / "a.safetensors", Checkpoint(config, weights, ones, card))
    monkeypatch.setattr(initial_model, "embedded_checkpoint", lambda *_: tmp_path / "a.safetensors")


def test_a_version_with_other_test_tasks_keeps_its_checkpoints(split, shipped):
    fewer = _version(split, (*split.train, *split.validation, split.test[0]))
    assert initial_model.initialisation("pretrain", MethodContext(fewer)).config.channels == 2


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("fold", ["train", "validation"])
def test_a_version_with_other_data_to_learn_from_does_not(split, shipped, fold, what):
    tasks = [_with_a_changed(t, what) if t.fold == fold else t for t in split.tasks]
    with pytest.raises(CheckpointError, match="trained on another version of synthetic"):
        initial_model.initialisation("pretrain", MethodContext(_version(split, tasks)))


def test_nor_does_one_with_other_isolated_atoms(split, shipped):
    moved = {z: e + 1.0 for z, e in split.isolated_atom_energies.items()}
    other = replace(split, manifest=split.manifest.model_copy(update={"isolated_atom_energies_eV": moved}))
    with pytest.raises(CheckpointError, match="another version"):
        initial_model.initialisation("pretrain", MethodContext(_version(other, split.tasks)))
