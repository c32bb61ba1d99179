"""What the README shows works, and its numbers are those of the stored reference runs."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

import mfbench

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_there_are_two_examples():
    assert len(BLOCKS) == 2


@pytest.mark.parametrize("block", BLOCKS, ids=["own-method", "ase"])
def test_example_runs(block, capsys):
    if "ase" in block:
        pytest.importorskip("ase")
    namespace = {"__name__": "readme"}
    exec(compile(block, "README.md", "exec"), namespace)
    value = float(capsys.readouterr().out.split()[0])
    assert value > 0
    assert namespace["results"].exit_code == 0


def test_a_method_fits_in_twenty_lines():
    lines = BLOCKS[0].split("class ", 1)[1].split("results =", 1)[0].splitlines()
    assert len([line for line in lines if line.strip()]) <= 20


@pytest.mark.parametrize("name", ["cath-mini", "chemistry-mini"])
def test_the_tables_are_what_the_stored_runs_say(name):
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    split = mfbench.load_split(name)
    found = json.loads((ROOT / "results" / f"{name}.json").read_text())
    assert {run["data_hash"] for run in found.values()} == {split.manifest.data_hash}
    stored = (ROOT / "results" / f"{name}.md").read_text()
    assert stored.strip() == reference.long_table(found, split).strip()
    for run in reference.RUNS[name]:
        assert run.name in found or f"`{run.name}`" in stored.partition("Not run yet:")[2]


def test_the_leakage_it_states_is_measured():
    from mfbench.audit.leakage import measure_leakage
    from mfbench.audit.train_overlap import Source
    from mfbench.data.side_tables import read_side_tables

    split = mfbench.load_split("cath-mini")
    found = measure_leakage(Source(split, read_side_tables("cath-mini", split)))
    test = found.summary()["test"]
    stated = README.partition("## Looking at the data")[2].partition("\n## ")[0]
    numbers = [float(x) for x in re.findall(r"\((0\.\d+)\)", stated)]
    among = found.among_train
    assert numbers == pytest.approx(
        [test["environment_median"], among["median"], among["median_known"]], abs=0.002
    )
    assert f"{test['query_graphs_in_train']:.0%}".replace("%", " %") in " ".join(stated.split())
    assert test["cluster30_in_train"] == 0
    assert not {"topology", "superfamily"} & set(test["nearest_cath"])
