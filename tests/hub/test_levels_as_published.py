"""``levels`` and ``levels-mini`` as published: every table loads offline, and is what mfbench reads."""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("datasets")
pytest.importorskip("tblite")

import datasets
import yaml

import mfbench
from mfbench.data.split import EMBEDDED
from mfbench_tasks.card.write import write_card

DATA = Path(__file__).parents[2] / "tasks" / "data"


def with_mini(dataset, place):
    """A published folder that holds levels-mini, complete in itself, beside constructions over a pool."""
    folder = shutil.copytree(dataset, place / "data")
    shutil.copytree(EMBEDDED / "levels-mini", folder / "levels-mini")
    write_card(folder, reports=DATA.parent / "reports")
    return folder


@pytest.fixture(scope="module", params=["levels", "levels-mini"])
def published(request, dataset, tmp_path_factory):
    """(name, split as mfbench reads it, config → split → table as ``datasets`` reads the card's)."""
    name, place = request.param, tmp_path_factory.mktemp(request.param)
    folder = DATA if name == "levels" else with_mini(dataset, place)
    card = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    configs = [c["config_name"] for c in card["configs"]]
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True, raising=False)
        datasets.disable_progress_bars()
        for config in (c for c in configs if c == name or c.startswith(f"{name}.")):
            tables = datasets.load_dataset(str(folder), config, cache_dir=str(place / "cache"))
            found[config] = {part: table.to_pandas() for part, table in tables.items()}
    return name, mfbench.load_split(folder / name), found


def test_every_table_is_what_mfbench_reads(published):
    name, split, found = published
    own = {f"{name}.{t}" for t in ("configurations", "fragments")} if name == "levels-mini" else set()
    assert set(found) == {name, *(f"{name}.{t}" for t in ("families", "roles", "draws"))} | own

    tasks = {task.family_id: task for task in split.tasks}
    families = found[f"{name}.families"]["families"]
    rows = families[["family_id", "fold", "level", "family"]].itertuples(index=False, name=None)
    assert {row[0]: row[1:] for row in rows} == {f: (t.fold, t.level, t.family) for f, t in tasks.items()}

    roles = found[f"{name}.roles"]["roles"]
    assert set(roles[["family_id", "config_id", "role"]].itertuples(index=False, name=None)) == {
        (f, c.config_id, role)
        for f, t in tasks.items()
        for role in ("support", "query", "heldout")
        for c in getattr(t, role)
    }

    draws = found[f"{name}.draws"]["draws"]
    columns = ["family_id", "draw", "rank", "config_id"]
    assert set(draws[columns].itertuples(index=False, name=None)) == {
        (f, number, rank, t.support[row].config_id)
        for f, t in tasks.items()
        for number, draw in enumerate(t.draws)
        for rank, row in enumerate(draw)
    }


def test_every_label_of_every_level_is_that_of_its_task(published):
    """On the level's own energy zero: what the manifest's shift adds is what mfbench reads."""
    name, split, found = published
    labels = found[name]
    levels = {task.level for task in split.tasks}
    assert set(labels) == {level.replace("-", "_") for level in split.manifest.energy_shifts}
    assert len(levels - set(split.manifest.energy_shifts)) == 1, (
        "one is the reference, beside the geometries"
    )
    for level, table in labels.items():
        shift = split.manifest.energy_shifts[level.replace("_", "-")]
        tasks = [task for task in split.tasks if task.level == level.replace("_", "-")]
        asked = {c.config_id: c for task in tasks for c in task.everything}
        ids = table["config_id"].tolist()
        assert len(set(ids)) == len(ids)
        assert asked, level
        assert set(asked) <= set(ids)
        for config_id, energy, forces in zip(ids, table["energy"], table["atomic_forces"], strict=True):
            if c := asked.get(config_id):
                assert energy + shift.of(c) == pytest.approx(c.energy, abs=1e-9)
                np.testing.assert_array_equal(np.stack(forces), c.forces)


def test_the_geometries_of_a_split_that_is_complete_in_itself_are_there_too(published):
    name, split, found = published
    if name == "levels":  # of the pool: see test_loading
        assert f"{name}.configurations" not in found
        return
    table = found[f"{name}.configurations"]["configurations"]
    wanted = {c.config_id: c for task in split.tasks for c in task.everything}
    assert set(table["config_id"]) == set(wanted)
    for config_id, positions in zip(table["config_id"], table["positions"], strict=True):
        np.testing.assert_array_equal(np.stack(positions), wanted[config_id].positions)
