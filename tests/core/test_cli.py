"""The command line: exit codes, one-line errors, the table, interruption."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

import mfbench
from mfbench.cli import main
from mfbench.errors import SubmissionError
from mfbench.reporting.run_figure import draw_figure
from mfbench.reporting.run_table import print_report
from mfbench.submission.draft_card import draft_card

ROOT = Path(__file__).parents[2]


@pytest.fixture
def evaluate(split_folder, tmp_path, capsys):
    """Run ``mfbench evaluate``: exit code, stdout, stderr."""

    def run(*arguments, method="constant", split=split_folder, out=tmp_path / "run"):
        arguments = [str(a) for a in arguments]
        code = main(["evaluate", "--method", method, "--split", str(split), "--out", str(out), *arguments])
        return (code, *capsys.readouterr())

    return run


def test_a_run_prints_the_table_and_writes_the_folder(evaluate, tmp_path):
    code, out, _ = evaluate("--k", "0,5", "--draws", "2")
    assert code == 0
    assert "constant on synthetic" in out
    assert str(tmp_path / "run" / "rmse_vs_k.png") in out
    assert (tmp_path / "run" / "rmse_vs_k.png").read_bytes().startswith(b"\x89PNG")
    assert mfbench.read_results(tmp_path / "run" / "results.json").ks == [0, 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--k", "0,100"], "K = 100 is not possible"),
        (["--k", "five"], "--k takes whole numbers"),
        (["--draws", "99"], "99 draws are not published"),
        (["--draws", "x"], "Invalid value for '--draws'"),
        (["--bogus"], "No such option"),
        (["--option", "rate"], "--option takes KEY=VALUE"),
        (["--fold", "x"], "unknown fold"),
        (["--backend", "x"], "unknown backend"),
        (["--method", "x"], "unknown method"),
        (["--split", "x"], "unknown split"),
    ],
)
def test_a_callers_mistake_is_one_line_and_code_2(evaluate, tmp_path, arguments, message):
    code, out, err = evaluate(*arguments)
    assert code == 2
    assert re.fullmatch(f"error: .*{re.escape(message)}.*\n", err)
    assert out == ""
    assert not (tmp_path / "run").exists()


def test_a_missing_option_is_one_line(capsys):
    assert main(["evaluate", "--method", "constant"]) == 2
    assert re.fullmatch("error: Missing option '--split'.*\n", capsys.readouterr().err)


def test_a_folder_that_cannot_be_written_is_one_line(evaluate):
    code, _, err = evaluate(out=Path("/proc/nowhere/run"))
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def test_failed_episodes_are_shown_and_code_3(evaluate, tmp_path, monkeypatch):
    (tmp_path / "failing.py").write_text(
        "class Fails:\n    name = 'fails'\n    def adapt(self, support, *, budget, seed):\n        1 / 0\n"
    )
    monkeypatch.chdir(tmp_path)  # a module in the current folder is found
    code, out, _ = evaluate("--k", "5", "--draws", "1", method="failing:Fails")
    assert code == 3
    assert "test-0, K = 5, draw 0: adapt: ZeroDivisionError: division by zero" in " ".join(out.split())


def test_our_own_fault_is_code_1(evaluate, monkeypatch):
    monkeypatch.setattr("mfbench.reporting.run_table.print_report", lambda results: 1 / 0)
    code, _, err = evaluate("--k", "0", "--draws", "1")
    assert code == 1
    assert "ZeroDivisionError" in err


def test_existing_runs_are_named(evaluate):
    evaluate("--k", "0", "--draws", "1")
    code, _, err = evaluate("--k", "0", "--draws", "1")
    assert (code, "--resume" in err) == (2, True)
    code, out, _ = evaluate("--k", "0", "--draws", "1", "--resume")
    assert (code, "constant on synthetic" in out) == (0, True)


def test_default_run_folder(split_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    common = ["evaluate", "--method", "constant", "--split", str(split_folder), "--k", "5", "--draws", "1"]
    assert main(common) == 0
    assert main([*common, "--support", "wrong-family", "--fold", "validation", "--steps", "300"]) == 0
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {
        "synthetic-constant-seed0",
        "synthetic-constant-validation-wrong-family-300-steps-seed0",
    }


def test_help_methods_and_data(split_folder, tmp_path, capsys):
    assert main([]) == 0
    assert "evaluate" in capsys.readouterr().out
    assert main(["evaluate", "--help"]) == 0
    capsys.readouterr()
    assert main(["methods"]) == 0
    assert "maml" in capsys.readouterr().out
    assert main(["data", "list"]) == 0
    assert main(["data", "verify", "cath-mini"]) == 0
    assert "is sound" in capsys.readouterr().out
    assert main(["data", "info", str(split_folder), "--out", str(tmp_path)]) == 0
    assert "validation-0" in capsys.readouterr().out
    assert main(["data", "verify", "nope"]) == 2
    assert main(["--version"]) == 0


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_table_fits_the_terminal(split, width):
    results = mfbench.evaluate("random", split, ks=[0, 5, 10], draws=2)
    console = Console(width=width, record=True, file=io.StringIO())
    print_report(results, console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    unseen = f"{results.value('energy_rmse', 10, 'unseen'):.2f}"
    assert any(unseen in line for line in lines)


SLOW = """
import time
from mfbench.methods.constant import constant

class Slow:
    name = "slow"
    def __init__(self, context):
        self.inner = constant(context)
    def adapt(self, support, **rest):
        time.sleep(0.3 if len(support) == 5 else 60)
        return self.inner.adapt(support, **rest)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(split_folder, tmp_path, workers):
    (tmp_path / "slow.py").write_text(SLOW)
    command = [sys.executable, "-m", "mfbench", "evaluate", "--method", "slow:Slow", "--k", "5,10"]
    command += ["--split", str(split_folder), "--draws", "3", "--out", "run", "--workers", str(workers)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job ignores SIGINT, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    journal = tmp_path / "run" / "episodes"
    deadline = time.monotonic() + 60
    while len(list(journal.glob("*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    try:
        _, err = process.communicate(timeout=20)  # an episode lasts a minute: nobody waits for it
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    kept = len(list(journal.glob("*.npz")))
    assert process.returncode == 130
    assert 2 <= kept < 18
    assert f"interrupted; {kept} finished episodes are kept in run" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [["evaluate"], ["data", "build"], ["store", "verify"]])
def test_flags_stand_in_help_texts_without_a_type(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    main([*command, "--help"])
    text = capsys.readouterr().out
    assert "--help" in text
    assert "bool" not in text.lower().replace("boolean", "")


@pytest.mark.parametrize(
    ("support", "said"),
    [
        ("wrong-family", "support from a wrong family"),
        ("wrong-level", "support with labels of a wrong level"),
    ],
)
def test_a_control_is_called_what_it_is(split, tmp_path, support, said):
    folder = tmp_path / "run"
    results = mfbench.evaluate("constant", split, ks=[5], draws=1, out=folder)
    control = results.model_copy(update={"run": {**results.run, "support": support}})
    console = Console(file=io.StringIO(), width=120)
    print_report(control, console)
    assert said in console.file.getvalue()
    assert any(said in text.get_text() for text in draw_figure(control).texts)
    recorded = json.loads((folder / "run.json").read_text())
    recorded["request"]["support"] = support
    with pytest.raises(SubmissionError, match=f"this run had {said}: it is a control"):
        draft_card(recorded, control, {})
    del recorded["request"]["support"]
    with pytest.raises(SubmissionError, match="support of an unknown kind"):
        draft_card(recorded, control, {})
