"""The search of adaptations: equal trials, ranges that move, pieces that fit together."""

import json

import numpy as np
import pytest

from mfbench.errors import WorkError
from mfbench.learned.adaptation.recipe import AdaptSettings, ScratchSettings
from mfbench.learned.architectures.composed import CONTEXT, LORA
from mfbench.protocol.protocol import Track
from mfbench_campaign.tuning import command, search
from mfbench_campaign.tuning.space import Range, extended, setting_of, space_of


@pytest.mark.parametrize("method", ["pretrain", "cavia", "anil", "scratch"])
@pytest.mark.parametrize("track", [Track.STANDARD, Track.CONVERGED])
def test_every_setting_is_one_that_the_method_takes(method, track):
    space, kind = space_of(method, track, 2000), ScratchSettings if method == "scratch" else AdaptSettings
    settings = [setting_of(space, number, 0) for number in range(200)]
    for setting in settings:
        kind(**setting)
        assert not (setting["optimizer"] == "sgd" and setting.get("adapt") in (LORA, CONTEXT))
    optimizers = {setting["optimizer"] for setting in settings}
    assert optimizers == {"adam", "lbfgs"} | ({"sgd"} if method != "scratch" else set())
    rates = [s["rate"] for s in settings if s["optimizer"] == "adam"]
    assert min(rates) < 2e-3
    assert max(rates) > 5e-2


def test_trials_of_all_methods_are_the_same_draws():
    one, other = (space_of(m, Track.STANDARD, 20) for m in ("pretrain", "maml"))
    assert [setting_of(one, n, 3) for n in range(9)] == [setting_of(other, n, 3) for n in range(9)]
    assert setting_of(one, 0, 3) != setting_of(one, 0, 4)


def test_a_best_value_at_an_end_moves_its_range():
    space = space_of("pretrain", Track.STANDARD, 20)
    best = {"optimizer": "adam", "rate": 9e-2, "energy_weight": 0.2}
    assert space.edges(best) == {"rate": "high"}
    moved = extended(space, best)
    assert moved.rates["adam"].low == pytest.approx(1e-2)
    assert moved.rates["adam"].high == pytest.approx(1.0)
    assert moved.rates["sgd"] == space.rates["sgd"]
    assert moved.energy_weights == space.energy_weights
    assert moved.edges(best) == {}
    assert Range(1.0, 100.0).moved("low") == Range(0.1, 10.0)


@pytest.fixture
def judged(monkeypatch):
    """Trials that cost nothing: the larger the rate and the smaller the energy weight, the better."""
    made = []

    def trial(which, split, method, setting):
        made.append((method, setting))
        error = 1.0 / setting["rate"] + setting["energy_weight"]
        errors = {f"{m}@{k}": error for m in search.REPORT for k in which.ks}
        return {"settings": setting, "score": float(np.log(error)), **errors, "failures": 0, "gradients": 1}

    monkeypatch.setattr(search, "_trial", trial)
    return made


def test_a_search_in_pieces_is_the_search_at_once(judged, tmp_path, monkeypatch):
    wanted = search.Search("levels-mini", Track.STANDARD, ("pretrain", "scratch"), trials=5, rounds=2)
    whole, done = search.run_search(wanted, tmp_path / "once")
    assert done
    assert [m for m, _ in judged] == ["pretrain", "scratch"] * 10
    clock = iter(range(10_000))
    monkeypatch.setattr(search.time, "monotonic", lambda: 60.0 * next(clock))
    calls, done = 0, False
    while not done:
        part, done = search.run_search(wanted, tmp_path / "pieces", minutes=3.0)
        calls += 1
    assert calls > 3
    assert part == whole
    entry = whole["methods"]["pretrain"]
    assert len(entry["trials"]) == len(whole["methods"]["scratch"]["trials"]) == 10
    assert entry["best"]["force_rmse@10"] <= entry["median"]["force_rmse@10"]
    other = search.Search("levels-mini", Track.STANDARD, ("pretrain",), trials=5, seed=1)
    with pytest.raises(WorkError, match="seed"):
        search.run_search(other, tmp_path / "once")


def test_the_command_writes_a_record_and_says_whether_all_is_done(judged, tmp_path, capsys):
    base = ["--split", "levels-mini", "--methods", "scratch", "--trials", "3", "--rounds", "2"]
    where = ["--journal", str(tmp_path / "j"), "--record", str(tmp_path / "r" / "record.json")]
    assert command.main([*base, *where, "--minutes", "-1"]) == 3
    assert command.main([*base, *where]) == 0
    record = json.loads((tmp_path / "r" / "record.json").read_text())
    entry = record["methods"]["scratch"]
    assert record["fold"] == "validation"
    assert entry["chosen"] in [t["settings"] for t in entry["trials"]]
    assert "scratch: 6 trials" in capsys.readouterr().out


def test_a_start_that_is_not_there_is_one_line(tmp_path, capsys):
    base = [
        "--split",
        "levels-mini",
        "--methods",
        "pretrain",
        "--ks",
        "5",
        "--journal",
        str(tmp_path / "j"),
    ]
    with pytest.raises(SystemExit) as ended:
        command.main([*base, "--starts", str(tmp_path / "{method}.safetensors")])
    assert ended.value.code == 2
    assert "pretrain.safetensors does not exist" in capsys.readouterr().err
