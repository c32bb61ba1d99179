"""Batch jobs and containers may have no home, and a user whom the system does not know."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = "from mfbench.data.folders import data_folder; print(data_folder())"
UNKNOWN = """
import os, platformdirs, platformdirs.unix, pwd
from mfbench.data.folders import data_folder
os.setuid(54321)  # after the imports: the interpreter may be readable for its owner only
print(data_folder())
data_folder()
"""


def run(code, **changes):
    unset = ("HOME", "XDG_DATA_HOME", "MFBENCH_DATA")
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment | changes, capture_output=True, text=True, timeout=120
    )


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root becomes another user")
def test_a_user_without_home_or_entry_has_a_temporary_folder_and_is_told_once():
    done = run(UNKNOWN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("mfbench-54321")
    (line,) = done.stderr.splitlines()
    assert "there is no home folder" in line
    assert "MFBENCH_DATA" in line


def test_the_user_may_say_where_data_lie(tmp_path):
    assert run(FOLDER, XDG_DATA_HOME=str(tmp_path)).stdout.strip() == str(tmp_path / "mfbench")
    done = run(FOLDER, MFBENCH_DATA=str(tmp_path / "here"))
    assert (done.stdout.strip(), done.stderr) == (str(tmp_path / "here"), "")


def test_without_a_home_data_go_to_a_temporary_folder_and_a_line_says_so(monkeypatch, caplog):
    from mfbench.data import folders

    monkeypatch.delenv("MFBENCH_DATA", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does for an unknown user
    folders._without_home.cache_clear()
    first, again = folders.data_folder(), folders.data_folder()
    assert first == again
    assert first.is_absolute()
    assert [record.name for record in caplog.records] == ["mfbench"]
    assert "there is no home folder" in caplog.text
