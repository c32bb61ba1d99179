"""Training repeats itself, resumes where it stopped, and meta-learners start from the same weights."""

import dataclasses
import json

import numpy as np
import pytest

import mfbench
from mfbench.cli import main
from mfbench.errors import CheckpointError, TrainingError, UnknownNameError
from mfbench.learned.training.annealing import gradients_after
from mfbench.learned.training.settings import TrainSettings, settings_from
from mfbench_jax.checkpoint import embedded_checkpoint, load_checkpoint, save_checkpoint
from mfbench_jax.train import train, withheld_families

LEARNED = ("pretrain", "maml", "maml++", "anil", "fomaml", "reptile")
SMALL = {
    "joint_gradients": 120, "gradients": 240, "withheld": 1, "joint_batch": 4,
    "tasks": 1, "k": 6, "inner_steps": 2, "inner_batch": 4, "query": 4,
}  # fmt: skip


@pytest.fixture(scope="module", params=["cath-mini", "chemistry-mini"])
def cards(request):
    paths = {name: embedded_checkpoint(request.param, "mace", name) for name in LEARNED}
    return {name: load_checkpoint(path).card for name, path in paths.items()}


@pytest.fixture(scope="module")
def joint(split, tmp_path_factory):
    return train(split, TrainSettings("joint", **SMALL), tmp_path_factory.mktemp("joint"))


def test_meta_phases_come_behind_the_same_start_and_add_little_to_it(cards):
    """Recounted from steps and shapes, not only read."""
    start = cards["pretrain"]
    for name, card in cards.items():
        *before, own = card["phases"]
        settings = TrainSettings(**card["settings"])
        assert own["done"] == own["steps"]
        assert own["gradients"] == gradients_after(settings, own["steps"])(own["steps"])
        assert card["gradients"] == sum(phase["gradients"] for phase in card["phases"])
        assert card["gradients"] <= settings.gradients
        if name != "pretrain":
            assert [phase["losses"] for phase in before] == [phase["losses"] for phase in start["phases"]]
            assert own["steps"] >= (500 if name == "maml++" else 2000), "outer steps"
            assert own["gradients"] < 0.13 * start["gradients"]
            assert own["displacement"] > 0.0


def test_checkpoints_belong_to_the_embedded_data(cards):
    for card in cards.values():
        assert card["data_hash"] == mfbench.load_split(card["split"]).manifest.data_hash


@pytest.mark.parametrize("method", ["joint", "maml"])
def test_train_reproduces_the_first_losses_of_the_card(method, tmp_path):
    """Through the command line, with the card's seed and settings."""
    card = load_checkpoint(embedded_checkpoint("cath-mini", "mace", method)).card
    phase = card["phases"][-1]
    options = [
        x
        for key, value in card["settings"].items()
        if key not in ("method", "seed", "arch", "model") and value != ""
        for x in ("--option", f"{key}={value}")
    ]
    before = str(embedded_checkpoint("cath-mini", "mace", "pretrain"))
    start = ["--init", before] if method == "maml" else []
    seed = str(card["settings"]["seed"])
    arguments = ["train", "-m", method, "-s", "cath-mini", "--seed", seed, "--out", str(tmp_path)]
    assert main([*arguments, "--stop-after", "20", *start, *options]) == 0
    again = json.loads((tmp_path / f"{method}.json").read_text())["losses"]
    assert len(again) == 20
    np.testing.assert_allclose(again, phase["losses"], rtol=2e-3)


def test_an_interrupted_phase_goes_on_as_if_it_had_not_been(split, joint, tmp_path):
    settings = TrainSettings("reptile", **SMALL)
    whole = train(split, settings, tmp_path / "whole", initial=joint)
    train(split, settings, tmp_path / "parts", initial=joint, stop_after=7)
    parts = train(split, settings, tmp_path / "parts", initial=joint)
    assert parts.card["phases"][-1]["losses"] == whole.card["phases"][-1]["losses"]
    for name, value in whole.params.items():
        np.testing.assert_array_equal(parts.params[name], value)


def test_another_seed_trains_another_model(split, joint, tmp_path):
    other = train(split, TrainSettings("joint", seed=1, **SMALL), tmp_path)
    assert other.card["phases"][0]["losses"][0] != joint.card["phases"][0]["losses"][0]


def test_the_joint_phase_does_not_see_the_withheld_families(split, joint):
    withheld = {t.family_id for t in withheld_families(split.train, 1, seed=0)}
    seen = set(joint.card["phases"][0]["families"])
    assert seen | withheld == {t.family_id for t in split.train}
    assert not seen & withheld


def test_training_lowers_the_validation_error(joint):
    curve = joint.card["phases"][0]["validation"]
    assert curve[-1]["force_rmse"] < curve[0]["force_rmse"]


def test_checkpoint_survives_the_disk_bit_by_bit(joint, tmp_path):
    save_checkpoint(tmp_path / "a.safetensors", joint)
    again = load_checkpoint(tmp_path / "a.safetensors")
    assert again.config == joint.config
    for name in joint.params:
        np.testing.assert_array_equal(again.params[name], joint.params[name])
        np.testing.assert_array_equal(again.precondition[name], joint.precondition[name])


@pytest.mark.parametrize("damage", ["missing", "truncated", "card", "pickle"])
def test_a_damaged_checkpoint_is_named(joint, tmp_path, damage):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, joint)
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "pickle":
        path.write_bytes(b"\x80\x04N.")
    else:
        path.with_suffix(".json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"a\.(safetensors|json)"):
        load_checkpoint(path)


def test_a_diverging_run_stops_and_says_so(split, tmp_path):
    with pytest.raises(TrainingError, match="lower its rate"):
        train(split, TrainSettings("joint", joint_rate=1e30, **SMALL), tmp_path)


def test_unknown_settings_are_refused():
    with pytest.raises(UnknownNameError, match="unknown option 'rat'"):
        settings_from("maml", "mace", 0, {"rat": 1})
    with pytest.raises(UnknownNameError, match="not trained"):
        settings_from("scratch", "mace", 0, {})
    assert dataclasses.asdict(settings_from("maml", "mace", 3, {"k": 8}))["k"] == 8


def test_train_refuses_to_overwrite_a_run(tmp_path, capsys):
    (tmp_path / "joint.state.safetensors").write_bytes(b"")
    assert main(["train", "-m", "joint", "-s", "cath-mini", "--out", str(tmp_path)]) == 2
    assert "--resume" in capsys.readouterr().err


def test_families_are_padded_by_size_class_where_that_saves_work():
    import mfbench
    from mfbench.learned.training.prepare import config_for
    from mfbench_jax.meta.steps import MOST_SHAPES, _paddings
    from mfbench_jax.models.graphs import padding_for

    for name, classes in (("cath-mini", {1}), ("chemistry-mini", {2, 3})):
        split = mfbench.load_split(name)
        config = config_for(split)
        found = _paddings(split.train, config, MOST_SHAPES)
        assert len(set(found)) in classes
        for task, padding in zip(split.train, found, strict=True):
            need = padding_for([*task.support, *task.query, *task.heldout], config, atoms=2, pairs=8)
            assert padding.atoms >= need.atoms
            assert padding.pairs >= need.pairs
