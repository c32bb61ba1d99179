"""Δ-learning: a network on a base level, through the same training, methods and track rules."""

from dataclasses import replace

import numpy as np
import pytest

import mfbench
from mfbench.data.configuration import Prediction
from mfbench.errors import CheckpointError, ProtocolError, TrainingError, UnknownNameError
from mfbench.learned.adaptation.initial_model import baseline_of
from mfbench.learned.architectures.mace import MaceConfig
from mfbench.learned.base_level import BaseLevel, differences
from mfbench.learned.checkpoint import Checkpoint, load_checkpoint
from mfbench.learned.methods.on_base import OnBase, on_base
from mfbench.learned.training.prepare import training_card
from mfbench.learned.training.settings import TrainSettings
from mfbench.methods.constant import constant
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.protocol.loading import load_method, load_trainer
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget

pytestmark = pytest.mark.usefixtures("short_compilations")

TINY = {
    "model.channels": 2, "joint_gradients": 16, "gradients": 48, "joint_batch": 4, "withheld": 0,
    "size_classes": 1,
}  # fmt: skip
QUIET = {"init": None, "stop_after": None, "tick": lambda *_: None}


class Springs:
    """A level for tests: every atom on a spring to the origin."""

    name, asked = "springs", 0

    def engine(self, numbers, charge=0, unpaired=0):
        return self

    def label(self, positions):
        Springs.asked += 1
        return Prediction(float(np.sum(positions**2)), -2 * positions)


@pytest.fixture(autouse=True)
def springs(monkeypatch):
    pytest.importorskip("tblite")
    from mfbench_tasks.labelling import registry

    found = registry.find_level
    monkeypatch.setattr(
        registry, "find_level", lambda name: Springs() if name == "springs" else found(name)
    )
    Springs.asked = 0


@pytest.fixture(scope="module")
def levels():
    """Two train families at two levels each, one validation task and one test task."""
    split = mfbench.load_split("levels-mini")
    names = ("1.10.1410", "4.10.170")
    train = [t for t in split.train if t.family in names and t.level in ("gfn2", "am1")]
    return replace(split, tasks=(*train, split.validation[0], split.test[0]))


def test_labels_become_differences_and_are_computed_once(levels):
    base = BaseLevel("springs", levels)
    left = differences(levels, base, ("train",))
    c, d = levels.train[0].support[0], left.train[0].support[0]
    assert d.energy == pytest.approx(c.energy - np.sum(c.positions**2))
    np.testing.assert_allclose(d.forces, c.forces + 2 * c.positions)
    assert left.test[0] is levels.test[0]
    assert set(left.isolated_atom_energies.values()) == {0.0}
    geometries = {x.positions.tobytes() for x in levels.train_configurations}
    assert Springs.asked == len(geometries) < len(levels.train_configurations)


def test_a_start_on_a_base_stands_on_the_base_s_energies_on_another_split_too(levels):
    """Differences have no atoms: those of the splits must not come back in between."""
    left = differences(levels, BaseLevel("springs", levels), ("train",))
    baseline = EnergyBaseline({1: 0.1, 6: 0.2})
    other = {"data_hash": "of another split", "training_digest": "of another split"}
    card = training_card(left, TrainSettings("delta"), [], baseline) | other
    checkpoint = Checkpoint(MaceConfig(elements=(1, 6)), {}, {}, card)
    assert dict(baseline_of(checkpoint, left).elements) == {1: 0.1, 6: 0.2}


def test_labels_that_the_split_holds_are_not_computed(levels):
    left = differences(levels, BaseLevel("gfn2", levels), ("train",))
    for task in left.train:
        assert (np.abs(task.support[0].forces).max() < 1e-9) == (task.level == "gfn2")
    same = replace(levels, tasks=tuple(t for t in levels.tasks if t.level == "gfn2"))
    with pytest.raises(TrainingError, match="nothing to learn"):
        differences(same, BaseLevel("gfn2", same), ("train",))


def test_a_method_on_a_base_sees_differences_and_adds_the_level(levels):
    made = on_base(constant)(MethodContext(levels, options={"base": "springs"}))
    assert isinstance(made, OnBase)
    task = levels.test[0]
    query = [c.blind() for c in task.query[:3]]
    found = made.adapt(task.support[:4], budget=Budget(0), seed=0).predict(query)
    for prediction, c in zip(found, query, strict=True):
        np.testing.assert_allclose(prediction.forces, -2 * c.positions)  # constant says no forces
    with pytest.raises(UnknownNameError, match="nowhere"):
        on_base(constant)(MethodContext(levels, options={"base": "nowhere"}))


def test_the_open_track_alone_admits_it(levels):
    for options in ({"method": "delta"}, {"method": "scratch", "options": {"base": "springs"}}):
        with pytest.raises(ProtocolError, match="--track open"):
            mfbench.evaluate(split=levels, ks=[5], draws=1, track="standard", **options)


def test_a_start_on_a_base_is_trained_and_used_on_that_base_alone(levels, tmp_path):
    pytest.importorskip("torch")
    assert TrainSettings("delta").base == "gfn2"
    options = {**TINY, "base": "springs"}
    load_trainer("torch")(levels, "delta", "mace", 0, options, tmp_path / "a", **QUIET)
    path = tmp_path / "a" / "mace-delta.safetensors"
    assert load_checkpoint(path).card["settings"]["base"] == "springs"
    context = MethodContext(levels, checkpoint=str(path), options={"base": "springs"})
    task, found = levels.test[0], []
    support, query = task.support[:4], [c.blind() for c in task.query[:3]]
    for backend in ("jax", "torch"):
        pytest.importorskip(backend)
        made = load_method("delta", context, backend=backend)
        found.append(made.adapt(support, budget=Budget(0), seed=0).predict(query))
    for here, there in zip(*found, strict=True):
        assert here.energy == pytest.approx(there.energy, abs=2e-3)
        np.testing.assert_allclose(here.forces, there.forces, atol=3e-3)
    for method in ("delta", "pretrain"):  # gfn2, and no base
        with pytest.raises(CheckpointError, match="what springs leaves"):
            load_method(method, MethodContext(levels, checkpoint=str(path)), backend="torch")
    with pytest.raises(CheckpointError, match="base"):
        load_trainer("torch")(
            levels, "delta", "mace", 0, TINY | {"base": "gfn2"}, tmp_path / "b", **QUIET | {"init": path}
        )
