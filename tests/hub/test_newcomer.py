"""A newcomer with the wheel and an empty folder: download, verify, evaluate."""

import json
import os
import subprocess
import sys

import pytest

HUB_CLIENT = ("huggingface_hub", "fsspec", "yaml")
COMMANDS = """
import sys
sys.path.insert(0, {site!r})

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed here", name=name)

sys.meta_path.insert(0, Refuse())
from mfbench.cli import main
for command in {commands!r}:
    assert main(command.split()) == 0, command
"""


@pytest.mark.parametrize("source", ["folder", "hub"])
def test_download_verify_evaluate(installed, served, dataset, tmp_path, source):
    here = tmp_path / "empty"
    here.mkdir()
    where = dataset if source == "folder" else "hf://datasets/lab/tasks"
    commands = [
        f"data download cath --from {where}",
        "data verify cath",
        "evaluate --method constant --split cath --k 0,10,50 --draws 2 --out run",
    ]
    # A folder needs nothing but the wheel; a Hub needs its client.
    refused = ("jax", "torch", "tblite", "mfbench_tasks")
    if source == "folder":
        refused += HUB_CLIENT
    script = COMMANDS.format(site=str(installed), refused=refused, commands=commands)
    environment = {
        k: v for k, v in os.environ.items() if k not in ("MFBENCH_DATA", "XDG_DATA_HOME", "PYTHONPATH")
    }
    environment["HOME"] = str(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=here, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "cath is sound" in done.stdout
    results = json.loads((here / "run" / "results.json").read_text())
    assert {row["query"] for row in results["aggregate"]} >= {"all", "seen", "unseen"}
    there = tmp_path / "home" / ".local" / "share" / "mfbench"
    assert sorted(path.name for path in there.iterdir()) == ["cath", "pool"]


def test_the_hub_extra_is_named_where_it_is_missing(installed, tmp_path):
    script = COMMANDS.format(site=str(installed), refused=HUB_CLIENT, commands=[])
    for address in ("hf://datasets/lab/tasks", "https://example.org/data"):
        run = f"{script}\nsys.exit(main(['data', 'download', 'cath', '--from', {address!r}]))"
        done = subprocess.run([sys.executable, "-c", run], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "pip install 'mfbench[hub]'" in done.stderr
