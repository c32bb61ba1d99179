"""A new method and a new backbone are one file each (one per backend) and one registry line: tests/toys."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import mfbench
from mfbench.cli import main
from mfbench.errors import ProtocolError, UnknownNameError
from mfbench.learned.architectures.registry import ARCHITECTURES, initial_weights

TOYS = Path(__file__).parents[1] / "toys"


@pytest.fixture
def toy(monkeypatch):
    """name → the module of a toy; its folder is on the path for the time of the test."""
    monkeypatch.syspath_prepend(TOYS)
    return importlib.import_module


@pytest.fixture
def method(toy):
    mfbench.METHODS.add(toy("nearest").SPEC)
    yield
    mfbench.METHODS.remove("nearest")


@pytest.fixture
def backbone(toy):
    ARCHITECTURES.add(toy("pairsum").SPEC)
    yield toy("pairsum").PairsumConfig
    ARCHITECTURES.remove("pairsum")


def test_a_toy_method_is_listed_evaluated_and_checked(method, split, capsys):
    assert main(["methods"]) == 0
    assert "the nearest support configuration's label" in capsys.readouterr().out
    results = mfbench.evaluate("nearest", split, ks=[10], draws=1, track="closed-form")
    assert (results.exit_code, results.track) == (0, mfbench.Track.CLOSED_FORM)
    assert (
        results.value("force_rmse", 10, "seen")
        < results.find("force_rmse", 10, "seen", of="constant").value * 2
    )
    assert results.run["arch"] is None
    assert mfbench.check_method(importlib.import_module("nearest").Nearest()).passed


def test_a_toy_backbone_is_trained_and_evaluated(backbone, split_folder, tmp_path, capsys):
    pytest.importorskip("torch")
    small = {"joint_gradients": 400, "gradients": 600, "withheld": 1, "tasks": 1}
    small |= {"k": 6, "inner_steps": 2, "inner_batch": 4, "query": 4}
    options = [x for key, value in small.items() for x in ("--option", f"{key}={value}")]
    trained = ["train", "-m", "fomaml", "-s", str(split_folder), "--arch", "pairsum", "--backend", "torch"]
    assert main([*trained, "--out", str(tmp_path / "train"), *options]) == 0
    checkpoint = tmp_path / "train" / "pairsum-fomaml.safetensors"
    results = mfbench.evaluate(
        "fomaml", split_folder, ks=[5], draws=1, arch="pairsum", backend="torch", checkpoint=str(checkpoint)
    )
    assert results.exit_code == 0
    assert results.run["arch"] == "pairsum"
    assert results.value("force_rmse", 5) < results.find("force_rmse", 5, of="constant").value


def test_a_toy_backbone_says_the_same_in_both_backends(backbone, split):
    pytest.importorskip("jax")
    pytest.importorskip("torch")
    from mfbench_jax.models import architecture as jax_models
    from mfbench_jax.models.graph_table import GraphTable as JaxTable
    from mfbench_torch.models import architecture as torch_models
    from mfbench_torch.models.graphs import GraphTable as TorchTable

    config = backbone(elements=(1, 6, 7, 8))
    configurations = split.test[0].query[:2]
    energies = []
    for models, table in ((jax_models, JaxTable), (torch_models, TorchTable)):
        params = models.init(config, 3)
        energies.append(
            np.asarray(models.energy(params, config, table(configurations, config).take([0, 1])))
        )
    np.testing.assert_allclose(*energies, rtol=1e-4)
    assert set(initial_weights(config, 3)) == set(params)


def test_a_name_is_given_once(method, toy):
    with pytest.raises(UnknownNameError, match="a method 'nearest' already"):
        mfbench.METHODS.add(toy("nearest").SPEC)


def test_a_method_of_gradient_steps_is_no_row_of_the_closed_form_track(split):
    with pytest.raises(ProtocolError, match="'scratch' does: choose another track"):
        mfbench.evaluate("scratch", split, track="closed-form")
