"""The starts that ship with levels-mini: at a level that they have not seen, labels help."""

import pytest

import mfbench
from mfbench.learned.checkpoint import embedded_checkpoint, load_checkpoint
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext


@pytest.fixture(scope="module")
def mini():
    return mfbench.load_split("levels-mini")


@pytest.mark.parametrize("name", ["joint", "pretrain", "maml"])
def test_they_learned_from_the_tasks_that_ship(mini, name):
    card = load_checkpoint(embedded_checkpoint("levels-mini", "mace", name)).card
    assert card["training_digest"] == mini.training_digest
    assert card["gradients"] >= 100_000


def test_ten_labels_take_a_fifth_off_the_force_error_and_more(mini):
    family = next(t.family_id for t in mini.test if t.level == "pm7")
    method = load_method("pretrain", MethodContext(mini), backend="jax")
    results = mfbench.evaluate(method, mini, ks=[0, 10], draws=1, families=[family])
    assert results.value("force_rmse", 10) < 0.8 * results.value("force_rmse", 0)
