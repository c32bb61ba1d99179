"""The script for long training on a card: its dry run takes the code of the real one, and it resumes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax")

from mfbench.errors import UnknownNameError
from mfbench.learned.checkpoint import load_checkpoint
from train_long import plan_from

ROOT = Path(__file__).parents[2]
PLAN = """
- {name: first, split: cath-mini, method: joint}
- {name: second, split: cath-mini, method: fomaml, init: first}
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def test_the_dry_run_trains_a_few_steps_of_everything(plan, tmp_path):
    out = tmp_path / "runs"
    environment = {
        **{k: v for k, v in os.environ.items() if k != "MFBENCH_COMPILE_CACHE"},
        "DRY_RUN": "1", "PLAN": str(plan), "PYTHON": sys.executable,
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }  # fmt: skip
    command = ["bash", str(ROOT / "scripts" / "train_gpu.sh"), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, method in (("first", "joint"), ("second", "fomaml")):
        card = json.loads((out / name / f"mace-{method}.json").read_text())
        phase = card["phases"][-1]
        assert phase["done"] == 3
        assert 0 < phase["displacement"] < 1
        assert card["settings"]["loss"] == "l1"
    assert len(card["phases"]) == 2


def test_turns(tmp_path, plan, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import train_long

    runs, out = train_long.plan_from(plan), tmp_path / "runs"
    assert train_long.next_run(runs, out).name == "first"
    for run, done in ((runs[0], 7), (runs[0], 10), (runs[1], 10)):
        (out / run.name).mkdir(parents=True, exist_ok=True)
        record = {"done": done, "steps": 10}
        (out / run.name / f"{run.method}.json").write_text(json.dumps(record))
        if done == 10:
            run.checkpoint(out).write_bytes(b"")
        expected = "first" if done == 7 else "second" if run is runs[0] else None
        found = train_long.next_run(runs, out)
        assert (found and found.name) == expected
    for start in ("nowhere", "nowhere.safetensors"):
        plan.write_text(f"- {{name: a, split: cath-mini, method: maml, init: {start}}}")
        with pytest.raises(SystemExit, match=start):
            train_long.plan_from(plan)


@pytest.mark.parametrize("name", ["train_long", "train_cpu", "train_mini"])
def test_the_plans_that_ship_ask_for_what_there_is(name):
    runs = plan_from(ROOT / "scripts" / f"{name}.yaml")
    by_name = {run.name: run for run in runs}
    for run in runs:
        if run.waits_for:
            of_joint = by_name[run.init].options
            assert run.options["model.channels"] == of_joint["model.channels"]
            assert run.options["gradients"] > of_joint["gradients"]
            assert run.split == by_name[run.init].split
        elif run.init:
            start = load_checkpoint(ROOT / run.init)
            assert run.options["gradients"] > start.card["gradients"]
            assert run.split == start.card["split"]


def test_an_option_that_does_not_exist_is_said_before_anything_is_trained(tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN.replace("init: first", "init: first, options: {raet: 1}"))
    with pytest.raises(UnknownNameError, match="raet"):
        plan_from(tmp_path / "plan.yaml")
