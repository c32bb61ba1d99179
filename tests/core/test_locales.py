"""Terminals of other encodings: what is computed is shown, with replacements, and read back the same."""

import os
import subprocess
import sys

import pytest

RUN = "evaluate -m constant -s cath-mini --k 0,5 --draws 1 --families 1.10.8 --out run"


def mfbench(folder, *command, encoding):
    place = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict", "PYTHONUTF8": "0", "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "mfbench", *command], cwd=folder, env=place, capture_output=True, check=False
    )


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_tables_are_printed_with_replacements(encoding, tmp_path):
    done = mfbench(tmp_path, *RUN.split(), encoding=encoding)
    assert done.returncode == 0, done.stderr.decode(encoding)
    assert (tmp_path / "run" / "results.json").is_file()
    shown = done.stdout.decode(encoding)
    assert "kcal/mol" in shown
    assert "Traceback" not in done.stderr.decode(encoding)
    for command in ("data info cath-mini", "methods", "submit run --check", "--help", "evaluate -s Å -m x"):
        done = mfbench(tmp_path, *command.split(), encoding=encoding)
        assert done.returncode in (0, 2), done.stderr.decode(encoding)
        assert b"Traceback" not in done.stderr
