"""The papers of the repository agree with each other and with the package."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import mfbench

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
)


def test_the_citation_names_this_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(citation)
    assert citation["version"] == mfbench.__version__
    assert citation["license"] == PROJECT["license"]


def test_the_changelog_has_this_version_and_what_comes():
    versions = re.findall(r"^## (\d+\.\d+\.\d+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert mfbench.__version__ in dict(versions)
    assert versions[0][1] == "coming" or versions[0][0] == mfbench.__version__


def test_continuous_integration_runs_the_test_command_and_the_site():
    flow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = flow["jobs"].values()
    commands = [step["run"].strip() for step in job["steps"] if "run" in step]
    assert "make test" in commands
    assert "make docs" in commands


def test_extras_are_pinned():
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in PINS}
    for extra in ("docs", "dev"):
        wanted = [re.match(r"[\w.-]+", text)[0] for text in PROJECT["optional-dependencies"][extra]]
        assert {re.sub(r"[-_.]+", "-", name).lower() for name in wanted} - {"mfbench"} <= names


def test_pre_commit_refuses_what_make_test_refuses_and_large_files(tmp_path):
    pytest.importorskip("pre_commit")
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
    assert {"ruff", "ruff-format", "mypy", "file-size"} <= set(hooks)
    (tmp_path / "large").write_bytes(bytes(20 * 2**20 + 1))
    (tmp_path / "small").write_bytes(b"1")
    for name, code in (("small", 0), ("large", 1)):
        done = subprocess.run(f"{hooks['file-size']['entry']} {tmp_path / name}", shell=True, check=False)
        assert done.returncode == code


def test_no_file_of_the_repository_is_above_20_mib():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = [ROOT / name for name in listed.stdout.splitlines()]
    assert [p.name for p in found if p.is_file() and p.stat().st_size > 20 * 2**20] == []


def test_every_room_of_the_core_is_in_the_reference():
    told = " ".join(p.read_text() for p in (ROOT / "docs" / "reference").glob("*.md"))
    rooms = [p.stem for p in (ROOT / "mfbench").iterdir() if p.suffix in ("", ".py") and p.stem[0] != "_"]
    missing = {r for r in rooms if f"{{room}} mfbench.{r}\n" not in told}
    assert missing <= {"cli", "embedded", "version", "py"}
