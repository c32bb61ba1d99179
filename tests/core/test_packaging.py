"""The wheel works by itself, without any of the optional packages."""

import json
import subprocess
import sys

import pytest

OPTIONAL = (
    "jax",
    "torch",
    "mace",
    "e3nn",
    "tblite",
    "streamlit",
    "optax",
    "safetensors",
    "ase",
    "scipy",
    "biotite",
    "huggingface_hub",
    "datasets",
    "distributed",
    "plotly",
)
REFUSE = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed here", name=name)

sys.meta_path.insert(0, Refuse())
from mfbench.cli import main
sys.exit(main(sys.argv[1:]))
"""


def mfbench_command(installed, cwd, *arguments):
    script = f"import sys; sys.path.insert(0, {str(installed)!r})\n{REFUSE}"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


def test_wheel_evaluates_constant_from_another_folder(installed, tmp_path):
    done = mfbench_command(
        installed, tmp_path, "evaluate", "-m", "constant", "-s", "cath-mini", "--k", "0,10", "--draws", "1",
        "--out", "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"run.json", "predictions.parquet", "results.json", "rmse_vs_k.png"}
    assert json.loads((tmp_path / "run" / "results.json").read_text())["schema"] == 1


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("command", ["evaluate", "train", "convert"])
def test_a_missing_extra_is_named(installed, tmp_path, command, backend):
    arguments = ["-m", "maml", "-s", "cath-mini", "--backend", backend]
    if command == "convert":
        arguments, backend = ["a.safetensors", "b.model"], "torch"
    done = mfbench_command(installed, tmp_path, command, *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"pip install 'mfbench[{backend}]'" in done.stderr


def test_the_data_commands_need_no_extra(installed, tmp_path):
    commands = ("verify cath-mini", "info cath-mini", "leakage cath-mini", "export cath-mini --out xyz")
    each = "; ".join(f"assert main({['data', *command.split()]}) == 0" for command in commands)
    script = f"import sys; sys.path.insert(0, {str(installed)!r})\n{REFUSE.partition('sys.exit')[0]}{each}"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "cath-mini", "--relabel", "1"),
        ("build", "recipe.yaml", "--structures", "x", "--out", "o"),
        ("reaction", "recipe.yaml", "--out", "o"),
    ],
)
def test_labelling_names_its_extra(installed, tmp_path, arguments):
    done = mfbench_command(installed, tmp_path, "data", *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'mfbench[label]'" in done.stderr


def test_the_leaderboard_names_its_extra(installed, tmp_path):
    done = mfbench_command(installed, tmp_path, "leaderboard", "--store", "store")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'mfbench[leaderboard]'" in done.stderr


def test_submitting_needs_no_extra(installed, tmp_path):
    evaluate = "evaluate -m constant -s cath-mini --k 10 --draws 1 --out run"
    for command in (
        evaluate,
        "submit run --draft mine",
        "submit mine --to store",
        "store verify --to store",
    ):
        done = mfbench_command(installed, tmp_path, *command.split())
        assert done.returncode == 0, done.stderr
        if command.endswith("mine"):
            card = tmp_path / "mine" / "submission.yaml"
            card.write_text(card.read_text().replace("description: ''", "description: Means."))
    assert "1 of 1 submissions" in done.stdout


def test_wheel_holds_packages_and_nothing_else(installed):
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top - {"bin"} == {f"mfbench{part}" for part in ("", "_jax", "_leaderboard", "_tasks", "_torch")}
    size = sum(path.stat().st_size for path in (installed / "mfbench" / "embedded").rglob("*"))
    assert size < 9 * 2**20  # the minis, at most 7 MiB together, and two dozen small checkpoints
