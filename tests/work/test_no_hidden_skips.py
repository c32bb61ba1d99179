"""`make test` installs everything: there, what lacks a package or a program fails, wherever it says so."""

import shutil
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SKIPS = {
    "module": "pytest.importorskip('no_such_package')\n\ndef test_it(): pass\n",
    "body": "def test_it():\n    pytest.importorskip('no_such_package')\n",
    "program": "@pytest.mark.skipif(True, reason='mopac is not installed')\ndef test_it(): pass\n",
    "choice": "@pytest.mark.skipif(True, reason='needs real entries')\ndef test_it(): pass\n",
}


def test_what_lacks_a_package_or_a_program_fails_and_nothing_else_does(tmp_path):
    shutil.copy(CONFTEST, tmp_path / "conftest.py")
    for name, text in SKIPS.items():
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n\n{text}")
    command = [sys.executable, "-m", "pytest", "-rfEs", "-p", "no:cacheprovider", "-n", "1", str(tmp_path)]
    lax, strict = (
        subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True).stdout
        for more in ([], ["--all-extras"])
    )
    assert "4 skipped" in lax
    for name in ("module", "body", "program"):
        assert f"test_{name}.py" in "".join(
            line for line in strict.splitlines() if line.startswith(("FAILED", "ERROR"))
        )
    assert "1 skipped" in strict
    assert "needs real entries" in strict
