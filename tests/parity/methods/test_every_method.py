"""Every method learns on MACE, in both backends, and both read the checkpoint alike."""

import numpy as np
import pytest

from mfbench.learned.checkpoint import load_checkpoint

pytestmark = pytest.mark.usefixtures("short_compilations")


@pytest.mark.parametrize("method", ["pretrain", "maml", "fomaml", "reptile", "maml++", "anil"])
def test_a_few_steps_lower_the_validation_error(train, assert_learned, assert_backends_agree, method):
    path = train("mace", method)
    assert_learned(path)
    assert_backends_agree(path, "mace", method)


def test_the_learned_rates_of_maml_pp_differ_by_layer_and_step(train):
    rates = load_checkpoint(train("mace", "maml++")).rates
    table = np.stack([np.asarray(rates[name]) for name in sorted(rates)])  # [layers, inner steps]
    assert table.shape[1] == 2
    assert np.all(table > 0)
    assert len(np.unique(table[:, 0])) > len(table) / 2
    assert np.abs(table[:, 0] - table[:, 1]).max() > 1e-3


def test_ridge_is_the_same_in_both_backends(train, assert_learned, assert_backends_agree):
    assert_backends_agree(train("mace", "pretrain"), "mace", "ridge")
