"""Faults of long work from the field: Ctrl-C while importing, foreign folders, disks that refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mfbench
from mfbench.cli import main
from mfbench.errors import reason_of
from mfbench.methods.constant import constant
from mfbench.work.interrupt import _is_command

PRESS = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
SWALLOW = "try:\n    import press\nexcept KeyboardInterrupt:\n    raise ImportError('half initialised')\n"


@pytest.mark.parametrize(
    ("library", "text", "arguments"),
    [
        ("pyarrow", PRESS, ["methods"]),  # while the command line is imported
        ("yaml", PRESS, ["store", "list", "--to", "nowhere"]),  # while a command is
        (
            "yaml",
            SWALLOW,
            ["store", "list", "--to", "nowhere"],
        ),  # a library makes an error of its own of it
    ],
)
def test_ctrl_c_while_importing_is_one_line(tmp_path, library, text, arguments):
    (tmp_path / "press.py").write_text(PRESS)
    (tmp_path / f"{library}.py").write_text(text)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "mfbench", *arguments],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr.split() == ["interrupted"]


@pytest.mark.parametrize(
    ("given", "is_command"),
    [
        ("python /venv/bin/mfbench evaluate -m constant", True),
        ("python -X dev -m mfbench evaluate -m constant", True),
        ("python -m pytest -m mfbench", False),
        ("python my_script.py mfbench", False),
        ("python -c pass", False),
        ("python", False),
    ],
)
def test_only_the_command_line_takes_ctrl_c(given, is_command):
    assert _is_command(given.split()) is is_command


def test_an_export_leaves_foreign_folders_alone(split_folder, tmp_path):
    for name in ("xyz.partial", ".xyz.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.tex").write_text("...")
    assert main(["data", "export", str(split_folder), "--out", str(tmp_path / "xyz")]) == 0
    assert (tmp_path / "xyz" / "README.txt").is_file()
    assert {p.name for p in tmp_path.rglob("thesis.tex")} == {"thesis.tex"}
    assert sorted(os.listdir(tmp_path)) == [".xyz.partial", "xyz", "xyz.partial"]


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (["data", "export", "{split}", "--out", "."], "README.txt"),
        (["evaluate", "-m", "constant", "-s", "{split}", "--k", "0", "--out", "."], "results.json"),
    ],
)
def test_the_current_folder_can_be_written_to_if_it_is_empty(
    split_folder, tmp_path, monkeypatch, capsys, command, made
):
    monkeypatch.chdir(tmp_path)
    inode = os.stat(".").st_ino
    arguments = [word.format(split=split_folder) for word in command]
    assert main(arguments) == 0
    assert Path(made).is_file()
    assert os.stat(".").st_ino == inode
    assert main(arguments) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error:")]
    assert "choose another folder" in line


def test_a_disk_that_refuses_is_one_line_that_says_what_to_do(split, tmp_path, capsys, monkeypatch):
    full = OSError(28, "No space left on device", "runs/x/episodes/00001.npz")
    assert reason_of(full).startswith("runs/x/episodes/00001.npz: No space left on device: free some space")
    assert reason_of(OSError("no number")) == "no number"

    class Fills:
        """The constant method; in one of its episodes the disk becomes full."""

        name = "fills"

        def __init__(self, after):
            self.after = after
            self.inner = constant(mfbench.MethodContext(split))
            self.calls = 0

        def adapt(self, support, *, budget, seed):
            self.calls += 1
            if self.calls == self.after:
                monkeypatch.setattr(os, "fsync", _refuse)
            return self.inner.adapt(support, budget=budget, seed=seed)

    with pytest.raises(OSError, match="No space left"):
        mfbench.evaluate(Fills(3), split, ks=[0, 5], draws=2, out=tmp_path / "r")
    monkeypatch.undo()
    assert len(list((tmp_path / "r" / "episodes").glob("*.npz"))) == 2
    assert not list((tmp_path / "r").rglob("*.mfbench-tmp"))
    results = mfbench.evaluate(Fills(99), split, ks=[0, 5], draws=2, out=tmp_path / "r", resume=True)
    assert len(results.episodes) == 9
    assert not results.failures


def _refuse(file):
    raise OSError(28, "No space left on device")
