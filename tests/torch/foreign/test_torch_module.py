"""Any PyTorch module: its contract, zero-shot and fine-tuned."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from mfbench.errors import MfbenchError
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget


class Pairs(torch.nn.Module):
    """Energies of pairs: a small network of the distance and both elements."""

    elements, r_max, head = (1, 6, 7, 8), 4.0, ("last.",)

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = torch.nn.Linear(3, 8), torch.nn.Linear(8, 1)

    def forward(self, inputs):
        i, j = inputs["edge_index"]
        distance = (inputs["positions"][i] - inputs["positions"][j]).norm(dim=-1)
        numbers = inputs["atomic_numbers"].to(distance)
        features = torch.stack([torch.exp(-distance), numbers[i] / 8, numbers[j] / 8], -1)
        edges = self.last(torch.nn.functional.silu(self.first(features)))[:, 0] * torch.exp(-distance)
        total = distance.new_zeros(len(inputs["charge"]))
        return {"energy": total.index_add(0, inputs["batch"][i], edges) + inputs["charge"]}


class NoElements(torch.nn.Module):
    pass


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import sys
    import types

    module = types.ModuleType("my_models")
    module.Pairs, module.NoElements = Pairs, NoElements
    monkeypatch.setitem(sys.modules, "my_models", module)


def method(split, **options):
    options = {"dtype": "float64"} | options
    return load_method("torch-module", MethodContext(split, checkpoint="my_models:Pairs", options=options))


def test_energies_are_the_modules_and_forces_their_slope(split):
    (one, *_), rng, step = split.test[0].query, np.random.default_rng(0), 1e-5
    network = method(split).adapt([], budget=Budget(), seed=0).model
    from dataclasses import replace

    direction = rng.normal(size=one.positions.shape)
    ends = [replace(one, positions=one.positions + s * step * direction) for s in (-1, 1)]
    energies, forces = network([one, *ends])
    assert (energies[2] - energies[1]) / (2 * step) == pytest.approx(
        -np.sum(forces[0] * direction), abs=1e-6
    )
    charged = network([replace(one, total_charge=2)])[0]
    assert charged[0] == pytest.approx(energies[0] + 2)


def test_it_is_fine_tuned_and_says_what_its_user_says(split):
    support = split.test[0].support[:6]
    tuned = method(split, strategy="head", rate=0.1, level="B3LYP", licence="CC0", trained_on="my data")
    assert set(tuned.moving.names()) == {"last.weight", "last.bias"}
    card = tuned.card["public_model"]
    assert (card["level"], card["licence"], card["training"][0]["name"]) == ("B3LYP", "CC0", "my data")
    before, after = (
        tuned.adapt(support, budget=Budget(steps=n, batch=6), seed=0).predict([c.blind() for c in support])
        for n in (0, 20)
    )
    errors = [
        np.mean([np.mean((p.forces - c.forces) ** 2) for p, c in zip(x, support, strict=True)])
        for x in (before, after)
    ]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (None, "--model module:make"),
        ("my_models", "--model module:make"),
        ("my_models:Other", "has no 'Other'"),
        ("no_such_module:Pairs", "there is no module 'no_such_module'"),
        ("math:pi", "makes no module: it is of type float"),
        ("my_models:NoElements", "elements .atomic numbers. and r_max"),
    ],
)
def test_what_is_wrong_is_said_in_words(split, target, says):
    with pytest.raises(MfbenchError, match=says):
        load_method("torch-module", MethodContext(split, checkpoint=target))
