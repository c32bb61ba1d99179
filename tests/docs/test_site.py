"""The site builds, and what is drawn from the code is as the code is."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
ROOT = Path(__file__).parents[2]


def test_the_site_builds_without_a_warning_from_the_light_core(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    api = (tmp_path / "site" / "reference" / "api.html").read_text()
    assert "Benchmark a method" in api
    commands = (tmp_path / "site" / "reference" / "commands.html").read_text()
    assert "mfbench data verify" in commands
    assert "--relabel" in commands


@pytest.mark.parametrize("name", ["draw_rooms", "first_picture"])
def test_a_drawing_shows_the_code_and_the_results_as_they_are(name):
    script = ROOT / "docs" / "drawings" / f"{name}.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
