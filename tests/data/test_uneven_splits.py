"""Splits without a train fold, or without held-out fragments: every command works, or says one line."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout

import pandas as pd
import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.manifest import FILES, data_hash
from mfbench.data.parquet import sha256
from mfbench.errors import DataError
from mfbench.store import file_submission, open_store
from mfbench.submission import check_run


def without_heldout(folder):
    """The same split, less its held-out fragments."""
    roles = pd.read_parquet(folder / "roles.parquet")
    roles[roles.role != "heldout"].to_parquet(folder / "roles.parquet")
    families = pd.read_parquet(folder / "families.parquet")
    families["heldout_fragments"] = [[] for _ in range(len(families))]
    families.to_parquet(folder / "families.parquet")
    content = json.loads((folder / "manifest.json").read_text())
    content["files"] = {name: sha256(folder / name) for name in FILES}
    content["data_hash"] = data_hash(content["files"])
    (folder / "manifest.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def home(make_split, tmp_path_factory):
    home = tmp_path_factory.mktemp("uneven")
    make_split(home / "no-train", name="no-train", folds={"validation": 1, "test": 3})
    make_split(home / "no-heldout", name="no-heldout", folds={"train": 2, "test": 3})
    without_heldout(home / "no-heldout")
    make_split(home / "tests-only", name="tests-only", folds={"test": 2})
    without_heldout(home / "tests-only")
    return home


@pytest.fixture(autouse=True)
def data(home, monkeypatch):
    monkeypatch.setenv("MFBENCH_DATA", str(home))


def said(*command) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(part) for part in command])
    return code, out.getvalue(), err.getvalue()


SPLITS = ("no-train", "no-heldout", "tests-only")


@pytest.mark.parametrize("name", SPLITS)
def test_methods_are_scored(name):
    split = mfbench.load_split(name)
    for method in ("constant", "random") if split.train else ("constant",):
        found = mfbench.evaluate(method, split, ks=[0, 5], draws=1)
        assert not found.failures
        assert found.value("force_rmse", 5) > 0
        assert found.value("energy_rmse", 0) >= 0
    if not split.train:
        with pytest.raises(DataError, match=f"{name} has no train families"):
            mfbench.evaluate("random", split, ks=[5], draws=1)
        novel = found.find("force_rmse", 5, "novel")
        assert novel.value == found.value("force_rmse", 5)  # all is new to what was never shown


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize(
    "command",
    ["data info SPLIT", "data verify SPLIT", "data leakage SPLIT",
     "data leakage SPLIT --against no-heldout",
     "data leakage no-heldout --against SPLIT", "data export SPLIT --format extxyz --out OUT",
     "evaluate -m constant -s SPLIT --k 5 --draws 1 --exclude-overlap no-heldout --out OUT",
     "evaluate -m constant -s no-heldout --k 5 --draws 1 --exclude-overlap SPLIT --out OUT",
     "evaluate -m constant -s SPLIT --k 5 --draws 1 --fold train --out OUT"],
)  # fmt: skip
def test_every_command_works_or_says_one_line(name, command, tmp_path):
    words = command.replace("SPLIT", name).replace("OUT", str(tmp_path / "out")).split()
    code, out, err = said(*words)
    assert code in (0, 2), err
    assert "Traceback" not in err
    assert "fault of mfbench" not in err
    if code == 2 and words[1] != "verify":
        assert err.strip().splitlines()[-1].startswith("error: ")
    if words[1] in ("info", "export"):
        assert code == 0, err
        assert out


@pytest.mark.parametrize("name", SPLITS)
def test_a_run_is_filed_and_recomputed(name, tmp_path):
    from dataclasses import replace

    mfbench.evaluate("constant", name, ks=[0, 5], draws=1, out=tmp_path / "run")
    checked = check_run(tmp_path / "run")
    card = checked.card.model_copy(update={"description": "Means."})
    file_submission(open_store(tmp_path / "store"), replace(checked, card=card))
    code, out, err = said("store", "verify", "--to", tmp_path / "store")
    assert code == 0, err
    assert "1 of 1" in out
