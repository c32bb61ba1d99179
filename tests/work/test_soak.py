"""A short form of scripts/soak.py: what is killed, run twice or given no room gives the same result."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_no_result_is_wrong_however_a_run_is_disturbed(tmp_path):
    command = [sys.executable, str(ROOT / "scripts" / "soak.py"), "--only", "evaluate"]
    command += ["--moments", "2", "--others", "1", "--minutes", "2", "--seed", "3", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "soak.json").read_text())
    assert record["wrong"] == []
    assert record["counts"]["evaluate"]["SIGKILL"]["equal"] == 1
    assert record["counts"]["evaluate"]["SIGINT"]["equal"] == 1
    assert "| **all** |" in (tmp_path / "soak.md").read_text()
