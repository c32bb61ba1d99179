"""The README is one page, and what it says is so."""

import re
from pathlib import Path

import pytest

import mfbench

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MARKS = "<!-- campaign: scripts/results.py -->", "<!-- end of campaign -->"


def test_it_is_short_and_begins_with_a_picture_and_two_commands():
    assert len(README.splitlines()) <= 150
    picture, commands = README.index("![Fragments"), README.index("```bash")
    assert picture < commands < README.index("## ")
    first = re.search(r"```bash\n(.*?)```", README, re.S)[1].splitlines()
    assert [line.partition("#")[0].strip() for line in first] == ["make demo", "make test"]


def test_the_table_of_results_is_short():
    part = README.partition(MARKS[0])[2].partition(MARKS[1])[0]
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    assert 5 <= len(rows) <= 8


def test_a_method_fits_in_twenty_lines():
    block = re.search(r"class PairPotential.*?(?=\nresults =)", README, re.S)[0]
    assert len([line for line in block.splitlines() if line.strip()]) <= 20


def test_the_pair_potential_halves_the_force_error_of_the_line_to_beat():
    code = re.search(r"```python\n(.*?)\nresults =", README, re.S)[1]
    names = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    families = [task.family_id for task in names["split"].test][:1]
    asked = {"ks": [50], "draws": 1, "families": families}
    mine = mfbench.evaluate(names["method"], names["split"], **asked)
    line = mfbench.evaluate("constant", names["split"], **asked)
    assert mine.value("force_rmse", 50) < 0.55 * line.value("force_rmse", 50)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text())
    assert len(links) >= 5
    gone = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert gone == []
