"""A run finds its weights wherever it is submitted from, or submitting says that it does not."""

import hashlib
import json
import shutil

import pytest

import mfbench
from mfbench.errors import SubmissionError
from mfbench.protocol.run_weights import EMBEDDED
from mfbench.submission import check_run, draft_submission

SHIPPED = EMBEDDED / "cath-mini" / "mace-pretrain.safetensors"


@pytest.fixture
def run(maker, tmp_path, monkeypatch):
    """A run that named its checkpoint relative to a folder that is gone since."""
    home = tmp_path / "home"
    home.mkdir()
    for suffix in (".safetensors", ".json"):
        shutil.copy(SHIPPED.with_suffix(suffix), home / f"w{suffix}")
    monkeypatch.chdir(home)
    mfbench.evaluate(
        "constant", "board-chains", ks=[0, 5], draws=1, out=tmp_path / "run", checkpoint="w.safetensors"
    )
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(home)
    return tmp_path / "run"


def test_a_checkpoint_named_by_a_relative_path_is_deposited_from_anywhere(run, tmp_path):
    checked = draft_submission(run, tmp_path / "mine")
    assert checked.card.weights_sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert (tmp_path / "mine" / "weights.safetensors").read_bytes() == SHIPPED.read_bytes()


def test_a_run_without_its_weights_is_refused_until_they_are_named(run):
    (run / "weights.safetensors").unlink()
    with pytest.raises(SubmissionError, match="weights w.safetensors are not to be found"):
        check_run(run)
    assert check_run(run, weights=SHIPPED).card.parameters > 1000


def test_weights_that_have_changed_since_the_run_are_refused(run):
    for suffix in (".safetensors", ".json"):
        other = SHIPPED.with_name(f"mace-maml{suffix}")
        shutil.copy(other, run / f"weights{suffix}")
    with pytest.raises(SubmissionError, match="changed since the run"):
        check_run(run)


def test_a_foreign_model_is_no_deposit_and_its_run_can_be_submitted(run):
    content = json.loads((run / "run.json").read_text())
    content["request"]["checkpoint"] = "foundation.model"
    (run / "run.json").write_text(json.dumps(content))
    for name in ("weights.safetensors", "weights.json"):
        (run / name).unlink()
    assert check_run(run).card.weights_sha256 is None


def test_a_row_holds_the_recipe_that_it_was_run_by_tuned_or_asked_for(run):
    """What ships is tuned anew from time to time; the row is still run again by its own."""
    content = json.loads((run / "run.json").read_text())
    content["request"] |= {"arch": "mace", "method": "pretrain", "options": {"decay": "none"}}
    content["card"] = {"adaptation": {"optimizer": "adam", "rate": 0.0159, "decay": "cosine"}}
    (run / "run.json").write_text(json.dumps(content))
    options = check_run(run).card.run.options
    assert options == {"optimizer": "adam", "rate": 0.0159, "decay": "none"}
    content["request"]["method"] = "mine:Method"  # what others keep in their cards is no option of ours
    (run / "run.json").write_text(json.dumps(content))
    assert check_run(run).card.run.options == {"decay": "none"}


def test_shipped_weights_that_were_replaced_since_the_run_are_noticed(run):
    content = json.loads((run / "run.json").read_text())
    content["request"] |= {"checkpoint": None, "checkpoint_sha256": None, "arch": "mace"}
    content["request"] |= {"method": "pretrain", "split": "cath-mini"}
    content["card"] = {"training": json.loads(SHIPPED.with_suffix(".json").read_text()) | {"gradients": 99}}
    for name in ("weights.safetensors", "weights.json"):
        (run / name).unlink()
    (run / "run.json").write_text(json.dumps(content))
    with pytest.raises(SubmissionError, match="changed since the run"):
        check_run(run)
