"""ANI: weights from a file, the numbers of torchani's own network, what is said where there are none."""

import sys

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from mfbench.errors import MfbenchError
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget


def test_without_the_package_one_line_says_how_to_get_it(split, monkeypatch, tmp_path):
    for name in [n for n in sys.modules if n.split(".")[0] == "torchani"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchani", None)
    context = MethodContext(split, checkpoint=str(tmp_path / "w.pt"), options={"model": "ani2x"})
    with pytest.raises(MfbenchError, match=r"torchani.*not installed \(pip install 'mfbench\[ani\]'\)"):
        load_method("ani", context)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "name it with --model"),
        ({"checkpoint": "w.pt"}, "--option model=NAME: ani1x, ani1ccx, ani2x"),
        ({"checkpoint": "w.pt", "options": {"model": "ani3"}}, "--option model=NAME"),
    ],
)
def test_which_network_a_file_is_of_is_never_guessed(split, given, says):
    with pytest.raises(MfbenchError, match=says):
        load_method("ani", MethodContext(split, **given))


@pytest.fixture(scope="module")
def network():
    """Of torchani itself, with random weights: real ones are the user's to bring."""
    pytest.importorskip("torchani")
    from mfbench_torch.foreign.ani import ani_network

    torch.manual_seed(0)
    return ani_network("ani1x").double()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("ani") / "ani1x_state_dict.pt"
    torch.save(network.state_dict(), path)
    return path


def method(split, weights, **options):
    options = {"model": "ani1x", "dtype": "float64"} | options
    return load_method("ani", MethodContext(split, checkpoint=str(weights), options=options))


def test_energies_and_forces_are_those_of_torchani(split, network, weights):
    query = [c for task in split.test for c in task.query[:1]]
    made = method(split, weights)
    energies, forces = made.adapt([], budget=Budget(), seed=0).model(query)
    for c, energy, force in zip(query, energies, forces, strict=True):
        numbers = torch.tensor(c.atomic_numbers)[None].long()
        positions = torch.tensor(c.positions)[None].requires_grad_(True)
        total = network((numbers, positions)).energies - network.energy_shifter(
            network.species_converter(numbers)
        )
        (slope,) = torch.autograd.grad(total.sum() * 27.211386245988, positions)
        assert energy == pytest.approx(float(total.detach()) * 27.211386245988, abs=1e-6)
        assert np.allclose(force, -slope[0].numpy(), atol=1e-6)
    card = made.card["public_model"]
    assert card["elements"] == [1, 6, 7, 8]
    assert card["training"] == [{"name": "ANI-1x", "configurations": None, "note": ""}]


@pytest.mark.parametrize("strategy", ["head", "lora"])
def test_it_is_fine_tuned_by_the_strategies(split, weights, strategy):
    tuned, support = method(split, weights, strategy=strategy, rate=3e-3), split.test[0].support[:4]
    before, after = (
        tuned.adapt(support, budget=Budget(steps=n, batch=4), seed=0).predict([c.blind() for c in support])
        for n in (0, 5)
    )
    errors = [
        np.mean([np.mean((p.forces - c.forces) ** 2) for p, c in zip(x, support, strict=True)])
        for x in (before, after)
    ]
    assert errors[1] < errors[0]
    if strategy == "head":
        assert all(".final_layer." in name for name in tuned.moving.names())


def test_a_file_of_something_else_is_refused(split, weights):
    with pytest.raises(MfbenchError, match="holds no weights of ani2x"):
        method(split, weights, model="ani2x")
