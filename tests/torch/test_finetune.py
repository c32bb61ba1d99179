"""``finetune``: a network of an architecture that mfbench does not have, as a method."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from mfbench.cli import main
from mfbench.errors import UnknownNameError
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget
from mfbench_torch.libraries import default_dtype, mace_modules, o3

STEPS, RATE = 30, 0.03


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """As foundation models are: other blocks, correlation 3, more elements, a repulsion, its own E0s."""
    return write_model(tmp_path_factory.mktemp("foundation") / "foundation.model", ["Default"])


@pytest.fixture(scope="module")
def two_heads(tmp_path_factory):
    """A network for two levels of theory."""
    return write_model(tmp_path_factory.mktemp("foundation") / "two.model", ["pbe", "wb97m"])


def write_model(path, heads):
    blocks = mace_modules.interaction_classes
    elements = [1, 6, 7, 8, 9, 16]
    torch.manual_seed(0)
    with default_dtype(torch.float64), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript's
        made = mace_modules.ScaleShiftMACE(
            atomic_inter_scale=[0.5, 2.0][: len(heads)],
            atomic_inter_shift=[0.1, 3.0][: len(heads)],
            heads=heads,
            r_max=3.5,
            num_bessel=4,
            num_polynomial_cutoff=6,
            max_ell=1,
            interaction_cls=blocks["RealAgnosticResidualInteractionBlock"],
            interaction_cls_first=blocks["RealAgnosticInteractionBlock"],
            num_interactions=2,
            num_elements=len(elements),
            hidden_irreps=o3.Irreps("3x0e"),
            MLP_irreps=o3.Irreps("4x0e"),
            atomic_energies=-37.0 * np.array([elements] * len(heads)),
            avg_num_neighbors=8.0,
            atomic_numbers=elements,
            correlation=3,
            gate=torch.nn.functional.silu,
            radial_MLP=[8],
            pair_repulsion=True,
        )
    torch.save(made, path)
    return path


def method(split, model, **options):
    context = MethodContext(
        split,
        checkpoint=str(model),
        options={"trust_pickle": True, "dtype": "float64", "decay": "none"} | options,
    )
    return load_method("finetune", context, backend="torch")


def force_error(predictor, configurations):
    made = predictor.predict([c.blind() for c in configurations])
    errors = [p.forces - c.forces for p, c in zip(made, configurations, strict=True)]
    return np.sqrt(np.mean(np.concatenate(errors) ** 2))


@pytest.mark.parametrize("strategy", ["full", "frozen", "replay"])
def test_a_strategy_fits_the_support_and_trains_what_it_says(split, model, strategy):
    support = split.test[0].support[:8]
    tuned = method(split, model, strategy=strategy, rate=RATE)
    before = tuned.adapt([], budget=Budget(), seed=0)
    after = tuned.adapt(support, budget=Budget(steps=STEPS, batch=8), seed=0)
    per_step = 8  # replay: four of the support, four of meta-train
    assert after.usage.gradient_evaluations == STEPS * per_step
    assert force_error(after, support) < 0.9 * force_error(before, support)
    start, end = dict(tuned.model.module.named_parameters()), after.model.params
    moved = {name.split(".")[0] for name in start if not torch.equal(start[name], end[name])}
    trained = {"products", "readouts"}
    assert moved == (trained if strategy == "frozen" else trained | {"interactions", "node_embedding"})


def test_lora_updates_every_block_of_an_equivariant_layer_and_the_network_stays_equivariant(split, model):
    support, (one, *_) = split.test[0].support[:8], split.test[1].query
    tuned = method(split, model, strategy="lora", rank=2, rate=RATE)
    after = tuned.adapt(support, budget=Budget(steps=STEPS, batch=8), seed=0)
    before = dict(tuned.model.module.named_parameters())
    moved = {name for name, value in after.model.params.items() if not torch.equal(value, before[name])}
    assert {"interactions.0.linear.weight", "products.0.linear.weight"} <= moved
    assert not any("symmetric_contractions" in name or "skip_tp" in name for name in moved)
    (block, *_) = [m for m in tuned.moving.start(0) if m.startswith("interactions.0.linear.weight")]
    assert tuned.moving.start(0)[block].shape[-2:] != before["interactions.0.linear.weight"].shape
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    (plain,), (turned,) = (
        after.predict([replace(one, positions=one.positions @ t)]) for t in (np.eye(3), turn)
    )
    assert turned.energy == pytest.approx(plain.energy, abs=1e-8)
    assert np.allclose(turned.forces, plain.forces @ turn, atol=1e-8)


def test_replay_keeps_what_it_replays(split, model):
    """At equal budget, the error on meta-train's configurations ends lower."""
    support, others = split.test[0].support[:8], split.train_configurations[::5]
    budget, errors = Budget(steps=15, batch=8), {}
    for strategy in ("full", "replay"):
        tuned = method(split, model, strategy=strategy, rate=RATE, energy_weight=0.01, loss="squared")
        errors[strategy] = force_error(tuned.adapt(support, budget=budget, seed=0), others)
    assert errors["replay"] < 0.9 * errors["full"]


def test_energies_of_isolated_atoms_are_those_of_the_split(split, model):
    """The network's own are 37 eV a proton: without labels, energies are already right to a few eV."""
    predictor = method(split, model).adapt([], budget=Budget(), seed=0)
    query = split.test[0].query
    made = predictor.predict([c.blind() for c in query])
    assert max(abs(p.energy - c.energy) for p, c in zip(made, query, strict=True)) < 20


def test_the_command_line_runs_it(split_folder, model, tmp_path):
    arguments = ["evaluate", "-m", "finetune", "-s", str(split_folder), "--backend", "torch", "--k", "5"]
    arguments += ["--draws", "1", "--steps", "1", "--model", str(model), "--out", str(tmp_path / "run")]
    assert main([*arguments, "--trust-pickle", "--option", "strategy=frozen"]) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert {e["k"] for e in results["episodes"]} == {5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--backend torch --model MODEL", "--trust-pickle"),
        ("--backend torch", "--model"),
        ("--model MODEL --trust-pickle", "--backend torch"),
        (
            "--backend torch --model MODEL --trust-pickle --option strategy=best",
            "none, full, head, frozen, lora, replay, delta",
        ),
        ("--backend torch --model none.model --trust-pickle", "does not exist"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(split_folder, model, tmp_path, capsys, arguments, message):
    given = arguments.replace("MODEL", str(model)).split()
    out = ["--out", str(tmp_path / "run")]
    assert main(["evaluate", "-m", "finetune", "-s", str(split_folder), "--k", "0", *out, *given]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_network_of_several_heads_is_used_by_the_one_that_is_named(split, two_heads):
    with pytest.raises(UnknownNameError, match=r"two.model has 2 heads: .*head=NAME, of pbe, wb97m"):
        method(split, two_heads)
    with pytest.raises(UnknownNameError, match=r"has no head 'b3lyp': .*pbe, wb97m"):
        method(split, two_heads, head="b3lyp")
    one, two = (method(split, two_heads, head=name) for name in ("pbe", "wb97m"))
    assert one.card["public_model"]["name"] == "two.model, head pbe"
    query = [c.blind() for c in split.test[0].query[:3]]
    energies = [m.adapt([], budget=Budget(), seed=0).model(query)[0] for m in (one, two)]
    assert np.abs(energies[0] - energies[1]).min() > 0.1
    found = [m.adapt([], budget=Budget(), seed=0).predict(query) for m in (one, two)]
    assert not np.allclose(found[0][0].forces, found[1][0].forces)
    support = split.test[0].support[:6]
    trained = two.adapt(support, budget=Budget(steps=20, batch=6), seed=0)
    before = two.adapt([], budget=Budget(), seed=0)
    assert force_error(trained, support) < force_error(before, support)
