"""A run that was interrupted gives the numbers of one that was not."""

import json
import os

import pandas as pd
import pytest

import mfbench
from mfbench.errors import DataError, MfbenchError, ProtocolError
from mfbench.metrics.errors import COSTS

REQUEST = {"ks": [0, 5], "draws": 2, "seed": 1}


class Interrupted:
    """The random method, stopped by Ctrl-C after some episodes."""

    name = "random"

    def __init__(self, split, after):
        self.inner, self.left = (
            mfbench.protocol.loading.load_method("random", mfbench.MethodContext(split)),
            after,
        )

    def adapt(self, support, *, budget, seed):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.inner.adapt(support, budget=budget, seed=seed)


def interrupt(split, out, after=4):
    with pytest.raises(KeyboardInterrupt):
        mfbench.evaluate(Interrupted(split, after), split, out=out, **REQUEST)


def numbers(results):
    """Everything but clocks and memory."""
    episodes = [e.model_dump(exclude={*COSTS, "peak_memory_bytes"}) for e in results.episodes]
    return episodes, [r for r in results.aggregate if r.metric not in COSTS]


def test_resumed_equals_uninterrupted(split, tmp_path):
    whole = mfbench.evaluate(Interrupted(split, 99), split, out=tmp_path / "whole", **REQUEST)
    interrupt(split, tmp_path / "parts", 4)
    assert len(list((tmp_path / "parts" / "episodes").glob("*.npz"))) == 4
    resumed = Interrupted(split, 5)  # 9 episodes, 4 are there: a sixth adaptation would raise
    results = mfbench.evaluate(resumed, split, out=tmp_path / "parts", resume=True, **REQUEST)
    assert resumed.left == 0
    assert numbers(results) == numbers(whole)
    left, right = (pd.read_parquet(tmp_path / f / "predictions.parquet") for f in ("whole", "parts"))
    pd.testing.assert_frame_equal(left, right)
    assert not (tmp_path / "parts" / "episodes").exists()
    assert len(json.loads((tmp_path / "parts" / "run.json").read_text())["sessions"]) == 2


def test_a_damaged_journal_entry_is_run_again(split, tmp_path):
    whole = mfbench.evaluate(Interrupted(split, 99), split, out=tmp_path / "whole", **REQUEST)
    interrupt(split, tmp_path / "parts", 4)
    entry = sorted((tmp_path / "parts" / "episodes").glob("*.npz"))[1]
    entry.write_bytes(entry.read_bytes()[:100])
    resumed = Interrupted(split, 6)
    results = mfbench.evaluate(resumed, split, out=tmp_path / "parts", resume=True, **REQUEST)
    assert resumed.left == 0
    assert numbers(results) == numbers(whole)


def test_a_finished_run_is_read_not_repeated(split, tmp_path):
    first = mfbench.evaluate(Interrupted(split, 99), split, out=tmp_path, **REQUEST)
    assert mfbench.evaluate(Interrupted(split, 0), split, out=tmp_path, resume=True, **REQUEST) == first


def test_failed_episodes_are_final(split, tmp_path):
    class Fails(Interrupted):
        def adapt(self, support, *, budget, seed):
            super().adapt(support, budget=budget, seed=seed)
            raise RuntimeError("no")

    with pytest.raises(KeyboardInterrupt):
        mfbench.evaluate(Fails(split, 3), split, out=tmp_path, **REQUEST)
    results = mfbench.evaluate(Interrupted(split, 99), split, out=tmp_path, resume=True, **REQUEST)
    assert len(results.failures) == 3


def test_without_resume_nothing_is_overwritten(split, tmp_path):
    interrupt(split, tmp_path)
    with pytest.raises(ProtocolError, match="already holds a run: continue it with --resume"):
        mfbench.evaluate(Interrupted(split, 99), split, out=tmp_path, **REQUEST)
    assert len(list((tmp_path / "episodes").glob("*.npz"))) == 4


def test_a_folder_that_is_no_run_is_left_alone(split, tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    for resume in (False, True):
        with pytest.raises(ProtocolError, match="holds no run"):
            mfbench.evaluate("constant", split, out=tmp_path, resume=resume, **REQUEST)
    with pytest.raises(ProtocolError, match="is a file"):
        mfbench.evaluate("constant", split, out=tmp_path / "thesis.tex", **REQUEST)
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 2}, "seed is 1, not 2"),
        ({"ks": [0, 10]}, "ks is"),
        ({"draws": 1}, "draws is 2, not 1"),
        ({"support": "wrong-family"}, "support is 'own'"),
        ({"budget": mfbench.Budget(steps=300)}, "budget is"),
        ({"fold": "validation"}, "fold is"),
    ],
)
def test_resume_with_another_request_is_refused(split, tmp_path, change, named):
    interrupt(split, tmp_path)
    with pytest.raises(ProtocolError, match=f"cannot resume .*{named}"):
        mfbench.evaluate(Interrupted(split, 99), split, out=tmp_path, resume=True, **{**REQUEST, **change})


def test_resume_with_another_method_or_other_data_is_refused(split, tmp_path, make_split):
    interrupt(split, tmp_path / "run")
    with pytest.raises(ProtocolError, match="its method is 'random', not 'constant'"):
        mfbench.evaluate("constant", split, out=tmp_path / "run", resume=True, **REQUEST)
    other = mfbench.load_split(make_split(tmp_path / "other", seed=1))
    with pytest.raises(ProtocolError, match="its data_hash is"):
        mfbench.evaluate(Interrupted(other, 99), other, out=tmp_path / "run", resume=True, **REQUEST)


def test_resume_with_other_weights_is_refused(split, tmp_path):
    interrupt(split, tmp_path)
    retrained = Interrupted(split, 99)
    retrained.card = {"trained": "again"}
    with pytest.raises(ProtocolError, match="weights or settings have changed"):
        mfbench.evaluate(retrained, split, out=tmp_path, resume=True, **REQUEST)


def test_a_card_that_is_not_json_is_refused_before_any_work(split, tmp_path):
    method = Interrupted(split, 0)
    method.card = {"loss": float("nan")}
    with pytest.raises(ProtocolError, match="card cannot be written"):
        mfbench.evaluate(method, split, out=tmp_path, **REQUEST)


def test_a_damaged_run_json_is_named(split, tmp_path):
    interrupt(split, tmp_path)
    (tmp_path / "run.json").write_text('{"requ')
    with pytest.raises(DataError, match=r"run\.json is damaged"):
        mfbench.evaluate(Interrupted(split, 99), split, out=tmp_path, resume=True, **REQUEST)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 1}', "{", '{"schema": 1, "bogus": 2}'])
def test_a_damaged_results_file_is_named(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(DataError, match="is not a results file"):
        mfbench.read_results(tmp_path / "results.json")


def test_a_missing_results_file_is_named(tmp_path):
    with pytest.raises(DataError, match="is missing"):
        mfbench.read_results(tmp_path / "results.json")


def test_two_workers_give_the_numbers_of_one(split, tmp_path):
    one = mfbench.evaluate("random", split, **REQUEST)
    environment = dict(os.environ)
    two = mfbench.evaluate("random", split, workers=2, out=tmp_path, **REQUEST)
    assert numbers(two) == numbers(one)
    assert dict(os.environ) == environment


def test_an_error_in_a_worker_reaches_the_caller(split):
    with pytest.raises(MfbenchError, match="unknown method 'nope'"):
        mfbench.evaluate("nope", split, workers=2, **REQUEST)


def test_an_object_cannot_be_sent_to_workers(split):
    with pytest.raises(ProtocolError, match="by name"):
        mfbench.evaluate(Interrupted(split, 1), split, workers=2, **REQUEST)
