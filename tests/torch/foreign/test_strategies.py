"""Fine-tuning strategies: what moves, by name and number; where they start; that they learn."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("so3krates_torch")
import torch

from mfbench.cli import main
from mfbench.errors import MfbenchError, ProtocolError
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget

OUTPUT, LAST = "atomic_energy_output_block.", "euclidean_transformers.2."
LAYERS, RANK = 3, 2
FEW = Budget(steps=3, batch=4)


def method(split, strategy, **options):
    return load_method("so3lr", MethodContext(split, options={"strategy": strategy, **options}))


def moved(tuned, support, budget=FEW):
    """Weights of the model before and after adapting that differ, by name."""
    before = dict(tuned.model.module.named_parameters())
    after = tuned.adapt(support, budget=budget, seed=0).model.params
    assert set(before) == set(after)
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.fixture(scope="module")
def support(split):
    return split.test[0].support[:6]


def test_full_trains_all_but_the_energies_of_atoms(split, support):
    tuned = method(split, "full")
    everything = dict(tuned.model.module.named_parameters())
    kept = {f"{OUTPUT}energy_shifts"}
    assert set(tuned.moving.names()) == set(everything) - kept
    assert tuned.moving.count() == 529_852 - 118
    # The support is neutral and closed-shell, and the first layer's equivariant features start at zero.
    quiet = ("charge_embedding.", "spin_embedding.")
    silent = {n for n in everything if n.startswith(quiet) or ("rs.0." in n and ".mlp_ev.0.weight" in n)}
    assert set(everything) - kept - silent <= moved(tuned, support)


@pytest.mark.parametrize(
    ("strategy", "beginnings", "count"), [("head", (OUTPUT,), 16_759), ("frozen", (OUTPUT, LAST), 138_571)]
)
def test_head_and_frozen_train_the_upper_layers_alone(split, support, strategy, beginnings, count):
    tuned = method(split, strategy)
    assert all(name.startswith(beginnings) for name in tuned.moving.names())
    assert tuned.moving.count() == count
    assert tuned.card["strategy"] == {"strategy": strategy, "moving": count}
    changed = moved(tuned, support)
    assert changed
    assert changed <= set(tuned.moving.names())
    assert all(any(name.startswith(b) for name in changed) for b in beginnings)


def test_lora_adds_matrices_of_its_rank_to_linear_layers_and_trains_nothing_else(split, support):
    tuned = method(split, "lora", rank=RANK)
    start = tuned.moving.start(0)
    assert all(".lora" in name for name in start)
    matrices = {name.split(".lora")[0] for name in start}
    attention = {f"euclidean_transformers.{t}.euclidean_attention_block.W_q_ev" for t in range(LAYERS)}
    assert attention <= matrices
    assert f"{OUTPUT}layers.0.weight" in matrices
    assert not any(name.endswith(".bias") for name in matrices)
    weights = dict(tuned.model.module.named_parameters())
    expected = 0
    for name in matrices:
        *stack, m, n = weights[name].shape
        expected += int(np.prod(stack)) * min(RANK, m, n) * (m + n)
    assert tuned.moving.count() == expected < 0.1 * 529_852
    assert tuned.card["strategy"] == {"strategy": "lora", "rank": RANK, "moving": expected}
    assert moved(tuned, support) <= matrices
    change = tuned.moving.assembled(start)
    assert all(torch.equal(change[name], weights[name]) for name in weights)
    after = tuned.adapt(support, budget=FEW, seed=0).model.params
    name = f"{LAST}mlp_1.1.weight"
    assert torch.linalg.matrix_rank(after[name] - weights[name], rtol=1e-4) == RANK


def test_without_a_label_every_strategy_is_the_model_as_it_came(split):
    query = [c.blind() for c in split.test[0].query[:2]]
    plain = load_method("so3lr", MethodContext(split)).adapt([], budget=FEW, seed=0).predict(query)
    for strategy in ("full", "lora", "delta"):
        found = method(split, strategy).adapt([], budget=FEW, seed=0).predict(query)
        for one, other in zip(plain, found, strict=True):
            assert one.energy == pytest.approx(other.energy, abs=1e-3)
            assert np.allclose(one.forces, other.forces, atol=1e-5)


@pytest.mark.parametrize("strategy", ["full", "frozen", "head", "lora", "replay", "delta"])
def test_a_strategy_fits_the_support_within_the_budget(split, support, strategy):
    budget = Budget(steps=12, batch=4)
    tuned = method(split, strategy, **({"rate": 0.05} if strategy == "delta" else {}))
    before, after = (tuned.adapt(support, budget=b, seed=0) for b in (Budget(steps=0), budget))
    blind = [c.blind() for c in support]
    errors = [
        np.sqrt(
            np.mean(
                [
                    np.mean((p.forces - c.forces) ** 2)
                    for p, c in zip(x.predict(blind), support, strict=True)
                ]
            )
        )
        for x in (before, after)
    ]
    assert errors[1] < 0.9 * errors[0]
    assert before.usage.gradient_evaluations == 0
    assert after.usage.gradient_evaluations == 12 * 4


def test_a_held_back_fifth_says_when_to_stop(split, support):
    tuned = method(split, "full", recipe="converged", check=2, patience=1, rate=0.3, bound=0)
    used = tuned.adapt(support, budget=Budget(steps=40, batch=4), seed=0)
    assert used.usage.gradient_evaluations < 40 * 4
    assert np.isfinite(used.predict([support[0].blind()])[0].energy)


def test_what_is_replayed_is_meta_train_or_the_model_itself(split):
    own, taught = method(split, "replay", replay_from="self"), method(split, "replay")
    assert [c.config_id for c in own.others] == [c.config_id for c in taught.others]
    labels = {c.config_id for c in split.train_configurations}
    assert all(c.config_id in labels for c in taught.others)
    network = own.adapt([], budget=FEW, seed=0).model
    assert np.allclose(own.others[0].forces, network(own.others[:1])[1][0], atol=1e-5)
    assert not np.allclose(own.others[0].forces, taught.others[0].forces, atol=1e-2)


def test_replay_keeps_the_model_nearer_to_what_it_was(split, support):
    query = [c for t in split.test[1:] for c in t.query]
    budget, distance = Budget(steps=15, batch=4), {}
    for strategy, options in (("full", {}), ("replay", {"replay_from": "self"})):
        tuned = method(split, strategy, **options)
        start, end = (tuned.adapt(support, budget=b, seed=0).model for b in (Budget(steps=0), budget))
        apart = np.concatenate([f - g for f, g in zip(start(query)[1], end(query)[1], strict=True)])
        distance[strategy] = np.sqrt(np.mean(apart**2))
    assert distance["replay"] < 0.9 * distance["full"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("strategy=best", "none, full, head, frozen, lora, replay, delta"),
        ("strategy=lora rank=0", "a whole number from 1 on"),
        ("strategy=replay replay_from=books", "train, self"),
        ("strategy=full rank=4", "unknown option"),
        ("strategy=full recipe=long", "tuned or converged"),
        ("rate=0.1", "zero-shot unless a strategy is named"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(split_folder, tmp_path, capsys, options, says):
    given = [part for option in options.split() for part in ("--option", option)]
    out = ["--out", str(tmp_path / "run")]
    assert main(["evaluate", "-m", "so3lr", "-s", str(split_folder), "--k", "5", *out, *given]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert says in err


def test_a_batch_of_one_has_no_half_to_replay(split, support):
    with pytest.raises(ProtocolError, match="two configurations"):
        method(split, "replay").adapt(support, budget=Budget(steps=2, batch=1), seed=0)


def test_a_strategy_needs_weights_of_its_kind(split):
    from mfbench_torch.foreign.strategies import moving_of

    model = method(split, "full").model
    with pytest.raises(MfbenchError, match="no weights for the strategy 'head'"):
        moving_of(type(model)(model.card, model.module, model.r_max, head=("none.",)), "head", 4)


def test_the_command_line_says_what_was_trained(split_folder, tmp_path):
    out = tmp_path / "run"
    arguments = ["evaluate", "-m", "so3lr", "-s", str(split_folder), "--k", "5", "--draws", "1"]
    arguments += ["--steps", "1", "--out", str(out), "--option", "strategy=lora", "--option", "rank=3"]
    assert main(arguments) == 0
    card = json.loads((out / "run.json").read_text())["card"]
    assert card["strategy"]["rank"] == 3
    assert card["strategy"]["moving"] > 0
