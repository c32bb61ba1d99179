"""Numbers that pages state are those of the records."""

import json
import re
from pathlib import Path

import pytest

import mfbench
from mfbench.protocol.correction_prior import BETWEEN_LEVELS

ROOT = Path(__file__).parents[2]


def test_the_leakage_that_is_stated_is_measured():
    from mfbench.audit.leakage import measure_leakage
    from mfbench.audit.train_overlap import DescribedSplit
    from mfbench.data.side_tables import read_side_tables

    split = mfbench.load_split("cath-mini")
    found = measure_leakage(DescribedSplit(split, read_side_tables("cath-mini", split)))
    test = found.summary()["test"]
    page = (ROOT / "docs" / "data.md").read_text()
    stated = page.partition("## Look at it")[2].partition("\n## ")[0]
    numbers = [float(x) for x in re.findall(r"\((0\.\d+)\)", stated)]
    among = found.among_train
    assert numbers == pytest.approx(
        [test["environment_median"], among["median"], among["median_known"]], abs=0.002
    )
    assert f"{test['query_graphs_in_train']:.0%}".replace("%", " %") in " ".join(stated.split())
    assert test["cluster30_in_train"] == 0
    assert not {"topology", "superfamily"} & set(test["nearest_cath"])


def test_tracks_are_described_as_they_are():
    page = (ROOT / "docs" / "protocol.md").read_text()
    for track in mfbench.Track:
        assert f"| *{track}* | {track.describe()} |" in page


def test_the_terms_of_the_energy_correction_are_those_of_the_record():
    record = json.loads((ROOT / "results" / "energy-correction.json").read_text())
    whole = (ROOT / "docs" / "protocol.md").read_text()
    page = whole.partition("**A closed-form")[2]
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    labels = ["elements, graphs", "… bonds 3, charge 0", "… bonds 3, charge 3"]
    labels += ["… atoms by bonds 3", "… environments 3"]
    assert len(rows) == len(record["sources"])
    for row, source in zip(rows, record["sources"].values(), strict=True):
        at_10 = [source["errors"][label]["10"] for label in labels]
        assert row[1:] == [f"{e['all']:.2f} ({e['unseen']:.2f})" for e in at_10]
    rules = {rule for level in record["zeros"].values() for rule in level}
    for rule in rules:
        row = next(line for line in whole.splitlines() if line.startswith(f"| {rule} |"))
        stated = [float(x) for x in row.strip("| ").split(" | ")[1:]]
        assert stated == [record["zeros"][n][rule] for n in ("gfn1", "ipea1", "am1", "pm3", "mndo", "rm1")]
    assert record["chosen"]["between levels"] == BETWEEN_LEVELS.to_dict()


def test_what_choosing_labels_brings_is_that_of_the_record():
    import active_table

    record = json.loads((ROOT / "results" / "active.json").read_text())
    measured = active_table.table(record["rows"]).splitlines()
    page = (ROOT / "docs" / "own-system.md").read_text()
    stated = [line for line in page.splitlines() if line.startswith(("| 8 |", "| 32 |"))]
    assert stated == [line for line in measured if line.startswith(("| 8 |", "| 32 |"))]
    assert len(stated) == 6


def test_how_often_error_bars_hold_is_measured_at_every_level_that_is_stated():
    import own_coverage

    levels = json.loads((ROOT / "results" / "own-coverage.json").read_text())["levels"]
    assert own_coverage.table(levels) in (ROOT / "docs" / "own-system.md").read_text()
    assert {"gfn2", "pm7", "wb97x-d"} <= set(levels)


def test_paths_that_pages_name_are_there():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    tops = "mfbench|mfbench_jax|mfbench_torch|tasks|tests|scripts|leaderboard|results|docs"
    named = re.compile(rf"`((?:{tops})/[\w/.+-]*)`")
    places = (ROOT, ROOT / "baselines")
    gone = [
        f"{page.name}: {path}"
        for page in pages
        for path in named.findall(page.read_text())
        if "NAME" not in path and not any((place / path).exists() for place in places)
    ]
    assert gone == []
