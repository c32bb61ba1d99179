"""Training as long work: several seeds at once, one owner per folder, no mixing of settings or states."""

import numpy as np
import pytest

pytest.importorskip("torch")

from mfbench.cli import main
from mfbench.learned.checkpoint import load_checkpoint
from mfbench.work.ownership import owned

SMALL = ("joint_gradients=48", "joint_batch=4", "withheld=1", "model.channels=2", "model.radial_mlp=[4]")


def train(split_folder, out, *more, settings=SMALL):
    command = ["train", "-m", "joint", "-s", str(split_folder), "--backend", "torch", "--out", str(out)]
    return main([*command, *(f"--option={setting}" for setting in settings), *more])


@pytest.fixture(scope="module")
def whole(split_folder, tmp_path_factory):
    """A run that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole")
    assert train(split_folder, out) == 0
    return load_checkpoint(out / "mace-joint.safetensors")


def equal(left, right):
    assert left.params.keys() == right.params.keys()
    return all(np.array_equal(left.params[name], right.params[name]) for name in left.params)


def error(capsys):
    (line,) = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error:")]
    return line


def test_several_seeds_train_one_run_each_with_the_weights_of_a_run_alone(
    whole, split_folder, tmp_path, capsys
):
    assert train(split_folder, tmp_path, "--seed", "0,1") == 0
    one, two = (load_checkpoint(tmp_path / f"seed{n}" / "mace-joint.safetensors") for n in (0, 1))
    assert equal(one, whole)
    assert not equal(two, whole)
    assert capsys.readouterr().err.count("checkpoint  ") == 2


def test_a_seed_that_fails_does_not_end_the_others(split_folder, tmp_path, capsys):
    start = tmp_path / "seed1.safetensors"
    start.write_bytes(b"no weights")
    assert train(split_folder, tmp_path / "joint", "--stop-after", "1") == 0
    for ending in ("safetensors", "json"):
        (tmp_path / f"seed0.{ending}").write_bytes(
            (tmp_path / "joint" / f"mace-joint.{ending}").read_bytes()
        )
    command = ["train", "-m", "pretrain", "-s", str(split_folder), "--backend", "torch", "--seed", "0,1"]
    command += ["--init", str(tmp_path / "seed{seed}.safetensors"), "--out", str(tmp_path / "out")]
    assert main([*command, "--stop-after", "1"]) == 2
    said = capsys.readouterr().err
    assert f"checkpoint  {tmp_path / 'out' / 'seed0' / 'mace-pretrain.safetensors'}" in said
    assert "failed      seed 1: checkpoint" in said


def test_an_interrupted_training_ends_in_a_line_and_goes_on_as_if_it_had_not_been(
    whole, split_folder, tmp_path, capsys, monkeypatch
):
    import mfbench_torch.training

    monkeypatch.setattr(mfbench_torch.training, "SAVE_SECONDS", 0.0)
    validate, calls = mfbench_torch.training.save_state, []

    def interrupted(*arguments):
        validate(*arguments)
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(mfbench_torch.training, "save_state", interrupted)
    assert train(split_folder, tmp_path) == 130
    assert "interrupted; what is trained is kept" in capsys.readouterr().err
    assert train(split_folder, tmp_path) == 2  # without --resume nothing is overwritten
    (tmp_path / "joint.json").write_text("{}")  # a log for readers: nothing goes on from it
    assert train(split_folder, tmp_path, "--resume") == 0
    made = load_checkpoint(tmp_path / "mace-joint.safetensors")
    assert len(calls) == 12  # steps 1 to 5, then 6 to 12: none twice
    assert equal(made, whole)
    for key in ("losses", "validation", "done"):
        assert made.card["phases"][0][key] == whole.card["phases"][0][key]


def test_a_training_does_not_go_on_with_other_settings_data_or_backend(
    split_folder, make_split, tmp_path, capsys
):
    out = tmp_path / "run"
    assert train(split_folder, out, "--stop-after", "1") == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    other = [*SMALL, "joint_rate=0.5"]
    assert train(split_folder, out, "--resume", settings=other) == 2
    assert "its settings.joint_rate is 0.03, not 0.5" in error(capsys)
    assert train(split_folder, out, "--resume", "--seed", "7") == 2
    assert "its settings.seed is 0, not 7" in error(capsys)
    assert train(make_split(tmp_path / "other", seed=3), out, "--resume") == 2
    assert "has changed" in error(capsys)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_folder_trains_one_run_at_a_time(split_folder, tmp_path, capsys):
    with owned(tmp_path / "run"):
        assert train(split_folder, tmp_path / "run") == 2
        assert "in use by process" in error(capsys)


def test_a_damaged_state_is_named(split_folder, tmp_path, capsys):
    assert train(split_folder, tmp_path, "--stop-after", "1") == 0
    state = tmp_path / "joint.state.safetensors"
    state.write_bytes(state.read_bytes()[:40])
    capsys.readouterr()
    assert train(split_folder, tmp_path, "--resume") == 2
    assert "joint.state.safetensors is damaged" in error(capsys)
