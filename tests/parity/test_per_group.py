"""Weights of each level's own: gradients by the chain rule, the same in both backends, and at work."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")

import mfbench  # noqa: E402
from mfbench.errors import TrainingError, UnknownNameError  # noqa: E402
from mfbench.learned.adaptation.per_group import (  # noqa: E402
    group_names,
    group_numbers,
    of_group,
    per_group_end,
    per_group_start,
)
from mfbench.learned.adaptation.recipe import AdaptSettings  # noqa: E402
from mfbench.learned.architectures.composed import CONTEXT, LORA, composed, context_plane, low_rank  # noqa: E402
from mfbench.learned.architectures.mace import MaceConfig, initial_weights  # noqa: E402
from mfbench.learned.checkpoint import Checkpoint, load_checkpoint  # noqa: E402
from mfbench.learned.methods.fit import best_start, fitted  # noqa: E402
from mfbench.learned.training.sampling_order import JointOrder  # noqa: E402
from mfbench.learned.training.settings import TrainSettings  # noqa: E402
from mfbench.protocol.energy_baseline import fit_baseline  # noqa: E402
from mfbench.protocol.loading import load_engine, load_method, load_trainer  # noqa: E402
from mfbench.protocol.method import MethodContext  # noqa: E402
from mfbench.protocol.protocol import Budget  # noqa: E402

pytestmark = pytest.mark.usefixtures("short_compilations")

CONFIG = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
BACKENDS = ["jax", "torch"]


def test_weights_are_added_up_as_described():
    rng = np.random.default_rng(0)
    weights = {"a": rng.normal(size=(2, 3, 4)), "b": rng.normal(size=5)}
    assert composed(weights) == weights
    context = {k: rng.normal(size=v.shape) for k, v in context_plane(weights, 2).items()}
    lora = {k: rng.normal(size=v.shape) for k, v in low_rank(weights, 2, 0).items()}
    assert {k.partition(".")[0] for k in lora} == {LORA}
    c = np.array([0.3, -2.0])
    found = composed({**weights, CONTEXT: c, **context, **lora})
    assert set(found) == {"a", "b"}
    np.testing.assert_allclose(found["b"], weights["b"] + c @ context["context.plane.b"])
    added = np.einsum("k,kn->n", c, context["context.plane.a"]).reshape(2, 3, 4)
    added = added + np.einsum("imr,irn->imn", lora["lora.left.a"], lora["lora.right.a"])
    np.testing.assert_allclose(found["a"], weights["a"] + added)


def test_nothing_changes_before_the_first_step():
    weights = initial_weights(CONFIG, 0)
    for extra in (low_rank(weights, 3, 0), {**context_plane(weights, 2), CONTEXT: np.ones(2)}):
        for name, value in composed({**weights, **extra}).items():
            np.testing.assert_array_equal(value, weights[name])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", ["multihead", "cavia"])
def test_the_gradient_is_that_of_the_chain_rule(split, backend, method):
    """∂L/∂c = D · ∂L/∂W, ∂L/∂D = c ⊗ ∂L/∂W; a readout's is its own group's, and zero for the others."""
    engine, tasks = load_engine(backend), split.train
    settings = TrainSettings(method, joint_batch=3, context_size=2, size_classes=1)
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    begin = per_group_start(initial_weights(CONFIG, 0), len(tasks), settings)
    rng = np.random.default_rng(1)
    begin = {k: (v + 0.1 * rng.standard_normal(v.shape)).astype(np.float32) for k, v in begin.items()}
    step = engine.joint_gradient(tasks, CONFIG, baseline, settings)
    numbers = group_numbers(tasks, settings)
    for number in (0, 1):
        loss, gradient = step(engine.arrays(begin), number)
        gradient = engine.numpy(gradient)
        group = numbers[JointOrder(numbers, 3, settings.seed).batch(number)[0]]
        # The same batch for one group alone, with plain weights.
        seen = of_group(begin, group)
        alone = [t for i, t in enumerate(tasks) if i == group]
        data = alone, composed(seen), baseline, settings, number, numbers
        value, plain = one_batch(engine, backend, *data)
        assert float(loss) == pytest.approx(value, rel=1e-5)
        if method == "multihead":
            own = "each/readouts.1.linear_1.weight"
            expected = np.zeros_like(begin[own])
            expected[group] = plain["readouts.1.linear_1.weight"]
            np.testing.assert_allclose(gradient[own], expected, atol=1e-5)
            continue
        c, slope = begin[f"each/{CONTEXT}"][group], np.zeros(2)
        for name, w in plain.items():
            np.testing.assert_allclose(gradient[name], w, atol=1e-4)
            plane = f"context.plane.{name}"
            np.testing.assert_allclose(gradient[plane], np.outer(c, w.ravel()), atol=2e-4)
            slope += begin[plane] @ w.ravel()
        expected = np.zeros_like(begin[f"each/{CONTEXT}"])
        expected[group] = slope
        np.testing.assert_allclose(gradient[f"each/{CONTEXT}"], expected, atol=1e-3)


def one_batch(engine, backend, tasks, weights, baseline, settings, number, numbers):
    """Loss and gradient of plain weights on the configurations that step ``number`` looks at."""
    import importlib

    chosen = JointOrder(numbers, 3, settings.seed).batch(number)
    chosen = chosen - np.flatnonzero(numbers == numbers[chosen[0]])[0]
    configurations = [c for t in tasks for c in (*t.support, *t.query, *t.heldout)]
    data = importlib.import_module(f"mfbench_{backend}.data")
    objective = importlib.import_module(f"mfbench_{backend}.meta.objective")
    forces = importlib.import_module(f"mfbench_{backend}.models.architecture").energy_forces
    dataset = data.Dataset(configurations, CONFIG, baseline, corrected=False)
    kind = objective.LossWeights(settings.energy_weight, settings.force_weight, settings.loss)
    model = lambda p, b: forces(p, CONFIG, b)  # noqa: E731
    params = engine.arrays(weights)
    if backend == "jax":
        loss = lambda p: objective.batch_loss(p, model, *dataset.batch(chosen, 3), kind)  # noqa: E731
        value, gradient = jax.jit(jax.value_and_grad(loss))(params)
    else:
        from mfbench_torch.meta.inner import value_and_gradient

        loss = lambda p, b: objective.batch_loss(p, model, *b, kind)  # noqa: E731
        value, gradient = value_and_gradient(loss, params, dataset.batch(chosen))
    return float(value), engine.numpy(gradient)


def test_ends_are_means_and_groups_are_levels():
    split = mfbench.load_split("levels-mini")
    assert group_names(split.train) == ["am1", "gfn1", "gfn2", "mndo", "pm3"]
    weights = initial_weights(CONFIG, 0)
    for method in ("multihead", "cavia"):
        begin = per_group_start(weights, 5, TrainSettings(method))
        ended, each = per_group_end(begin)
        assert all(len(v) == 5 for v in each.values())
        name, stack = next(iter(each.items()))
        np.testing.assert_allclose(ended[name], stack.mean(0), rtol=1e-6)
    with pytest.raises(TrainingError, match="joint_batch"):
        group_numbers(split.train, TrainSettings("multihead", joint_batch=1000))
    assert group_numbers(split.train, TrainSettings("pretrain")) is None


class Judge:
    """An engine whose loss is how far a weight is from one."""

    def arrays(self, params):
        return params

    def loss(self, params, config, dataset, indices, settings):
        return abs(params["w"] - 1.0)


def test_a_new_task_begins_at_the_best_or_at_the_mean():
    start = Checkpoint(CONFIG, {"w": 3.0}, {}, {}, each={"w": np.array([5.0, 1.5, -9.0])})
    assert best_start(Judge(), start, range(3), AdaptSettings()).params["w"] == 1.5
    assert best_start(Judge(), start, range(3), AdaptSettings(begin="mean")).params["w"] == 3.0
    with pytest.raises(UnknownNameError, match="worst"):
        best_start(Judge(), start, range(3), AdaptSettings(begin="worst"))


def test_low_rank_additions_move_nothing_but_themselves(split):
    engine, weights = load_engine("torch"), initial_weights(CONFIG, 0)
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    dataset = engine.dataset(split.train[0].support[:6], CONFIG, baseline)
    settings = AdaptSettings("adam", 1e-2, adapt=LORA, lora_rank=1)
    found, gradients = fitted(
        engine, Checkpoint(CONFIG, weights, {}, {}), dataset, settings, Budget(2, 4), 0
    )
    assert gradients == 8
    assert set(found) == set(weights)
    found = engine.numpy(found)
    matrix = found["interactions.1.linear.weight"] - weights["interactions.1.linear.weight"]
    assert np.abs(matrix).max() > 1e-4
    assert np.linalg.matrix_rank(matrix, tol=1e-6).max() == 1


TINY = {
    "model.channels": 2, "joint_gradients": 16, "gradients": 136, "joint_batch": 4, "withheld": 0,
    "size_classes": 1, "context_size": 2,
}  # fmt: skip


@pytest.mark.parametrize("method", ["multihead", "cavia"])
def test_from_levels_to_a_prediction_at_a_new_level(method, tmp_path):
    """Trained on five levels, adapted at a sixth, in both backends alike."""
    split = mfbench.load_split("levels-mini")
    quiet = {"init": None, "stop_after": None, "tick": lambda *_: None}
    load_trainer("torch")(split, method, "mace", 0, TINY, tmp_path, **quiet)
    path = tmp_path / f"mace-{method}.safetensors"
    checkpoint = load_checkpoint(path)
    assert checkpoint.card["groups"] == ["am1", "gfn1", "gfn2", "mndo", "pm3"]
    assert checkpoint.card["phases"][1]["displacement"] > 0
    assert all(len(np.unique(v.reshape(5, -1), axis=0)) == 5 for v in checkpoint.each.values())
    task = split.test[0]
    support = [task.support[i] for i in task.draws[0, :5]]
    found = []
    for backend in BACKENDS:
        made = load_method(method, MethodContext(split, checkpoint=str(path)), backend=backend)
        predictor = made.adapt(support, budget=Budget(2, 4), seed=0)
        if method == "cavia":
            start = composed(checkpoint.params | {k: v[0] for k, v in checkpoint.each.items()})
            assert set(predictor.params) == set(start)
        found.append(predictor.predict([c.blind() for c in task.query[:4]]))
    for here, there in zip(*found, strict=True):
        assert here.energy == pytest.approx(there.energy, abs=2e-3)
        np.testing.assert_allclose(here.forces, there.forces, atol=5e-3)
