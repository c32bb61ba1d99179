"""Runs of ``evaluate`` as long work: one at a time per folder, on any machines, with the same code."""

import json
import os

import pandas as pd
import pytest

import mfbench
from mfbench.cli import main
from mfbench.errors import ProtocolError, WorkError
from mfbench.metrics.errors import COSTS
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext

REQUEST = {"ks": [0, 5], "draws": 2}


def numbers(results):
    """Everything but clocks and memory."""
    return [e.model_dump(exclude={*COSTS, "peak_memory_bytes"}) for e in results.episodes]


class Meanwhile:
    """The random method; during its first adaptation something else happens."""

    name = "random"

    def __init__(self, split, act):
        self.inner, self.act = load_method("random", MethodContext(split)), act

    def adapt(self, support, *, budget, seed):
        if self.act:
            act, self.act = self.act, None
            act()
        return self.inner.adapt(support, budget=budget, seed=seed)


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_run_in_a_folder_is_refused_and_the_first_one_does_not_notice(split, tmp_path, resume):
    expected = mfbench.evaluate("random", split, seed=1, **REQUEST)
    refused = []

    def second():
        with pytest.raises((WorkError, ProtocolError)) as caught:
            mfbench.evaluate("random", split, seed=1, out=tmp_path / "m", resume=resume, **REQUEST)
        refused.append(str(caught.value))

    results = mfbench.evaluate(Meanwhile(split, second), split, seed=1, out=tmp_path / "m", **REQUEST)
    assert ("in use by process" if resume else "already holds a run") in refused[0]
    assert "\n" not in refused[0]
    assert numbers(results) == numbers(expected)
    written = ["predictions.parquet", "results.json", "rmse_vs_k.png", "run.json"]
    assert sorted(os.listdir(tmp_path / "m")) == written


def test_a_run_does_not_go_on_with_other_code_of_its_method(split_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "mine_outside.py"
    module.write_text(MINE)
    command = ["evaluate", "-m", "mine_outside:Mine", "-s", str(split_folder), "--out", str(tmp_path / "r")]
    monkeypatch.setenv("STOP_AFTER", "2")
    assert main(command) == 130
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("interrupted; 2 finished episodes are kept")
    monkeypatch.setenv("STOP_AFTER", "999")
    module.write_text(MINE + "# another rate\n")
    assert main([*command, "--resume"]) == 2
    assert "its code has changed" in capsys.readouterr().err
    module.write_text(MINE)
    assert main([*command, "--resume"]) == 0


MINE = """
import os

from mfbench.methods.constant import constant


class Mine:
    name = "mine"

    def __init__(self, context):
        self.inner, self.calls = constant(context), 0

    def adapt(self, support, *, budget, seed):
        self.calls += 1
        if self.calls > int(os.environ["STOP_AFTER"]):
            raise KeyboardInterrupt
        return self.inner.adapt(support, budget=budget, seed=seed)
"""


def test_a_dask_cluster_gives_the_numbers_of_one_process(cluster, split_folder, tmp_path, capsys):
    pytest.importorskip("distributed")
    cluster.worker("one")
    cluster.worker("two")
    command = ["evaluate", "-m", "random", "-s", str(split_folder), "--k", "0,5", "--draws", "2"]
    assert main([*command, "--out", str(tmp_path / "here")]) == 0
    assert main([*command, "--out", str(tmp_path / "there"), "--scheduler", cluster.address]) == 0
    here, there = (mfbench.read_results(tmp_path / name / "results.json") for name in ("here", "there"))
    assert numbers(here) == numbers(there)
    left, right = (pd.read_parquet(tmp_path / name / "predictions.parquet") for name in ("here", "there"))
    pd.testing.assert_frame_equal(left, right)
    (session,) = json.loads((tmp_path / "there" / "run.json").read_text())["sessions"]
    assert session["scheduler"] == cluster.address
    assert main([*command, "--method", "nope", "--scheduler", cluster.address]) == 2
    assert "unknown method 'nope'" in capsys.readouterr().err


def test_a_scheduler_that_is_not_there_is_one_line(split_folder, tmp_path, capsys):
    pytest.importorskip("distributed")
    command = ["evaluate", "-m", "random", "-s", str(split_folder), "--out", str(tmp_path / "r")]
    assert main([*command, "--scheduler", "nonsense://here"]) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error:")]
    assert "no Dask scheduler answers at nonsense://here" in line
    assert not (tmp_path / "r").exists()
