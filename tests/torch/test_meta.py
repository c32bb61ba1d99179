"""MAML's outer gradient in PyTorch: exact, flat in memory, and the same as in JAX."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from mfbench.learned.adaptation.inner_rates import PREFIX, separated
from mfbench.learned.adaptation.moving_weights import moving_arrays
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.training.sampling_order import adaptation_batches
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.energy_baseline import correction_between, correction_kernel, fit_baseline
from mfbench_torch.adaptation import descend, start
from mfbench_torch.checkpoint import tensors
from mfbench_torch.data import Dataset
from mfbench_torch.meta.inner import InnerProblem, gradient_of
from mfbench_torch.meta.objective import LossWeights, batch_loss
from mfbench_torch.meta.outer import fomaml_gradient, maml_gradient, reptile_gradient
from mfbench_torch.meta.plus import Schedule, maml_pp_gradient
from mfbench_torch.meta.steps import losses

STEPS = 3
RATE = 0.2  # large enough that MAML and FOMAML differ by more than 1 %
DOUBLE = torch.float64
CONFIG = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
WEIGHTS = LossWeights()
# Short compilations matter more here than fast code.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def distance(a, b):
    """‖a − b‖ / ‖b‖ over all parameters."""
    square = lambda t: sum(float((np.asarray(x) ** 2).sum()) for x in t.values())  # noqa: E731
    return (square({k: np.asarray(a[k]) - np.asarray(b[k]) for k in b}) / square(b)) ** 0.5


class Problem:
    """One episode on a small MACE in float64."""

    def __init__(self, split):
        task = split.train[0]
        self.baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
        held = (*task.query, *task.heldout)
        support = Dataset(task.support, CONFIG, self.baseline, corrected=True, dtype=DOUBLE)
        query = Dataset(held, CONFIG, self.baseline, corrected=False, dtype=DOUBLE)
        chosen = np.arange(6)
        across = correction_kernel([held[i] for i in chosen], task.support[:8])
        operator = torch.from_numpy(correction_between(support.kernel[:8, :8], across))
        self.support = support
        self.indices = adaptation_batches(8, STEPS, 4, seed=1)
        self.batches = support.batches(self.indices)
        self.query = (support.batch(np.arange(8)), query.batch(chosen), operator)
        self.params = tensors(initial_weights(CONFIG, 0), DOUBLE)
        rng = np.random.default_rng(0)
        self.precondition = tensors(
            {k: rng.uniform(0.5, 1.5, v.shape) for k, v in self.params.items()}, DOUBLE
        )
        self.loss, self.query_loss = losses(CONFIG, WEIGHTS)

    def inner(self, **changed):
        problem = InnerProblem(
            self.loss, self.query_loss, self.batches, self.query, RATE, self.precondition
        )
        return replace(problem, **changed)

    def outer(self, function):
        return function(self.params, self.inner())


@pytest.fixture(scope="module")
def problem(split):
    return Problem(split)


@pytest.fixture(scope="module")
def maml(problem):
    return problem.outer(maml_gradient)


def unrolled(problem, loss):
    """Autograd through the whole inner loop, with nothing of ours but the losses."""
    first = {k: v.clone().requires_grad_() for k, v in problem.params.items()}
    theta = first
    for batch in problem.batches:
        slopes = torch.autograd.grad(loss(theta, batch), list(theta.values()), create_graph=True)
        theta = {
            k: theta[k] - RATE * problem.precondition[k] * g for k, g in zip(theta, slopes, strict=True)
        }
    value = problem.query_loss(theta, problem.query)
    gradient = torch.autograd.grad(value, list(first.values()))
    return value.item(), dict(zip(first, gradient, strict=True))


def test_maml_is_the_derivative_of_the_unrolled_inner_loop(problem, maml):
    value, gradient = unrolled(problem, problem.loss)
    assert float(maml[0]) == pytest.approx(value, rel=1e-12)
    assert distance(maml[1], gradient) < 1e-8


def test_positions_that_inner_steps_share_would_be_caught(problem, maml):
    """The silent error of mace's own forward pass: it asks for gradients in the tensor it is given."""
    from mfbench.learned.architectures.mace_torch_state import _SHAPED
    from mfbench_torch.models.network import build, mace_inputs

    model = build(CONFIG, DOUBLE)

    def loss_of(shared):
        def plain(params, batch):
            weights = {k: v if any(p in k for p in _SHAPED) else v.reshape(-1) for k, v in params.items()}
            data = mace_inputs(batch) | {"positions": shared(batch.positions)}
            out = torch.func.functional_call(model, weights, (data,), {"training": True})
            return out["interaction_energy"], out["forces"]

        return lambda params, batch: batch_loss(params, plain, *batch, WEIGHTS)

    same = problem.batches[0]
    trapped = Problem.__new__(Problem)
    trapped.__dict__.update(problem.__dict__, batches=[same, same])
    exact = trapped.outer(maml_gradient)[1]
    _, fresh = unrolled(trapped, loss_of(lambda x: x.detach().clone()))
    _, wrong = unrolled(trapped, loss_of(lambda x: x))
    assert distance(exact, fresh) < 1e-8
    assert distance(exact, wrong) > 1e-4


def test_fomaml_is_the_gradient_at_the_adapted_parameters(problem, maml):
    _, gradient = problem.outer(fomaml_gradient)
    adapted, _ = problem.inner().solve(problem.params)
    assert distance(gradient, gradient_of(problem.query_loss, adapted, problem.query)) < 1e-12
    assert distance(gradient, maml[1]) > 0.01  # the rate is large enough to tell them apart


def test_reptile_points_from_the_adapted_to_the_initial_parameters(problem):
    _, direction = problem.outer(reptile_gradient)
    adapted, _ = problem.inner().solve(problem.params)
    assert distance(direction, {k: problem.params[k] - adapted[k] for k in adapted}) < 1e-12


def test_adaptation_is_the_inner_loop_that_was_meta_trained(problem):
    settings = AdaptSettings("sgd", RATE, bound=0.0)
    adapted, _ = descend(
        problem.params, start(problem.params, settings), problem.precondition, problem.support,
        problem.indices, CONFIG, settings,
    )  # fmt: skip
    expected, _ = problem.inner().solve(problem.params)
    assert distance(adapted, expected) < 1e-12


def test_everything_is_computed_on_the_device_of_the_weights(problem):
    """PyTorch's device without data refuses to mix with the CPU, as a GPU does."""
    place = lambda data: {k: v.to("meta") for k, v in data.items()}  # noqa: E731
    dataset = Dataset(
        problem.support.configurations, CONFIG, problem.baseline, corrected=True, place="meta"
    )
    batch, params = dataset.batch(np.arange(4)), place(tensors(problem.params))
    query = (batch, batch, dataset.tensor(np.zeros((4, 4))))
    precondition = place(tensors(problem.precondition))
    elsewhere = problem.inner(batches=[batch, batch], query=query, precondition=precondition)
    value, gradient = maml_gradient(params, elsewhere)
    assert {value.device.type, *(g.device.type for g in gradient.values())} == {"meta"}


@pytest.mark.parametrize("second", [True, False])
def test_maml_pp_is_the_derivative_in_weights_and_rates(problem, second):
    """Autograd through the multi-step objective; at first order the inner gradients are constants."""
    rng, v, scale = np.random.default_rng(1), [0.2, 0.0, 0.8], 10.0
    rates = {PREFIX + k: torch.from_numpy(rng.uniform(-0.05, 0.05, STEPS)) for k in problem.params}
    schedule = Schedule(v, second, scale)
    value, gradient = maml_pp_gradient(problem.params | rates, problem.inner(), schedule)
    leaves = {k: x.clone().requires_grad_() for k, x in (problem.params | rates).items()}
    theta, total = {k: leaves[k] for k in problem.params}, 0.0
    for k, batch in enumerate(problem.batches):
        slopes = torch.autograd.grad(
            problem.loss(theta, batch), list(theta.values()), create_graph=True, materialize_grads=True
        )
        slopes = slopes if second else [s.detach() for s in slopes]
        theta = {
            n: x - RATE * (scale * leaves[PREFIX + n][k]).exp() * problem.precondition[n] * g
            for (n, x), g in zip(theta.items(), slopes, strict=True)
        }
        total = total + v[k] * problem.query_loss(theta, problem.query)
    slopes = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
    expected = dict(zip(leaves, slopes, strict=True))
    assert float(value) == pytest.approx(total.item(), rel=1e-12)
    for part in (0, 1):  # weights; rates
        assert distance(separated(gradient)[part], separated(expected)[part]) < 1e-8


def test_maml_is_exact_where_steps_are_shortened(problem):
    """Autograd through the unrolled inner loop, every step shortened to the limit."""
    limit = 1e-3
    value, gradient = maml_gradient(problem.params, problem.inner(limit=limit))
    leaves = {k: x.clone().requires_grad_() for k, x in problem.params.items()}
    theta = dict(leaves)
    for batch in problem.batches:
        slopes = torch.autograd.grad(
            problem.loss(theta, batch), list(theta.values()), create_graph=True, materialize_grads=True
        )
        step = {n: RATE * problem.precondition[n] * g for n, g in zip(theta, slopes, strict=True)}
        norm = sum((s * s).sum() for s in step.values()) ** 0.5
        assert norm > limit
        theta = {n: x - limit / norm * step[n] for n, x in theta.items()}
    total = problem.query_loss(theta, problem.query)
    expected = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
    assert float(value) == pytest.approx(total.item(), rel=1e-12)
    assert distance(gradient, dict(zip(leaves, expected, strict=True))) < 1e-8


def test_maml_pp_without_its_parts_is_maml(problem, maml):
    as_maml = Schedule([0.0, 0.0, 1.0], True, 1.0)
    _, gradient = maml_pp_gradient(problem.params, problem.inner(), as_maml)
    assert distance(gradient, maml[1]) < 1e-12


def test_anil_moves_the_head_alone_and_differentiates_in_everything(problem):
    head = moving_arrays(problem.precondition, "head")
    anil = problem.inner(precondition=head)
    adapted, _ = anil.solve(problem.params)
    moved = {k for k, v in adapted.items() if not torch.equal(v, problem.params[k])}
    assert moved == set(head) < set(adapted)
    masked = Problem.__new__(Problem)
    zeros = {k: head.get(k, torch.zeros_like(v)) for k, v in problem.params.items()}
    masked.__dict__.update(problem.__dict__, precondition=zeros)
    _, expected = unrolled(masked, problem.loss)
    assert distance(maml_gradient(problem.params, anil)[1], expected) < 1e-8


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_only_the_weights_that_adapt_move(problem, optimizer):
    settings = AdaptSettings(optimizer, 0.01, adapt="products.0+readouts.1")
    adapted, _ = descend(
        problem.params, start(problem.params, settings), problem.precondition, problem.support,
        problem.indices, CONFIG, settings,
    )  # fmt: skip
    moved = {k for k, v in adapted.items() if not torch.equal(v, problem.params[k])}
    assert moved == {k for k in adapted if k.startswith(("products.0", "readouts.1"))}


def test_memory_is_flat_in_the_number_of_inner_steps(problem):
    """Bytes that autograd saves for later, at their highest: twenty steps against one."""

    def peak(batches):
        held = highest = 0

        class Saved:
            def __init__(self, x):
                nonlocal held, highest
                self.x, self.size = x, x.numel() * x.element_size()
                held += self.size
                highest = max(highest, held)

            def __del__(self):
                nonlocal held
                held -= self.size

        few = Problem.__new__(Problem)
        few.__dict__.update(problem.__dict__, batches=batches)
        with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.x):
            few.outer(maml_gradient)
        return highest

    one = problem.support.batch(np.arange(4))
    assert peak([one] * 20) <= 1.2 * peak([one])


def test_one_step_equals_that_of_jax(split, problem, maml):
    """Same weights, data and index order: inner step and meta-gradient, in float64."""
    jax = pytest.importorskip("jax")
    from functools import partial

    from mfbench_jax.data import Dataset as Twin
    from mfbench_jax.meta import outer as twin
    from mfbench_jax.meta.inner import InnerProblem as TwinProblem
    from mfbench_jax.meta.objective import batch_loss as twin_loss
    from mfbench_jax.meta.objective import query_loss as twin_query_loss
    from mfbench_jax.models import architecture

    task, held = split.train[0], (*split.train[0].query, *split.train[0].heldout)
    with jax.enable_x64(True):
        make = partial(Twin, config=CONFIG, baseline=problem.baseline, dtype=np.float64)
        support, query = make(task.support, corrected=True), make(held, corrected=False)
        batches = support.batches(problem.indices, 4)
        data = (support.batch(np.arange(8), 8), query.batch(np.arange(6), 6), problem.query[2].numpy())
        model = lambda p, b: architecture.energy_forces(p, CONFIG, b)  # noqa: E731
        energies = lambda p, b: architecture.energy(p, CONFIG, b)  # noqa: E731
        slope = lambda p, b: jax.grad(twin_loss)(p, model, *b, WEIGHTS)  # noqa: E731
        after = lambda p, q: twin_query_loss(p, model, energies, *q, WEIGHTS)  # noqa: E731

        @partial(jax.jit, compiler_options=QUICK)
        def both(params, precondition):
            first = slope(params, jax.tree.map(lambda x: x[0], batches))
            episode = TwinProblem(slope, after, batches, data, RATE, precondition)
            return first, twin.maml_gradient(params, episode)

        arrays = ({k: v.numpy() for k, v in x.items()} for x in (problem.params, problem.precondition))
        first, (value, gradient) = jax.tree.map(np.asarray, both(*arrays))
    assert distance(gradient_of(problem.loss, problem.params, problem.batches[0]), first) < 1e-6
    assert float(maml[0]) == pytest.approx(float(value), rel=1e-6)
    assert distance(maml[1], gradient) < 1e-6


def test_training_draws_the_batches_that_jax_draws(split, problem, monkeypatch):
    """Joint training and meta-training, up to the point where gradients would be computed."""
    pytest.importorskip("jax")
    from mfbench_jax.meta import steps as twin
    from mfbench_torch.meta import steps

    seen = {"jax": [], "torch": []}

    def record(backend, *data):
        seen[backend].append(data)
        return torch.zeros(()), {}

    monkeypatch.setattr(twin, "Compiled", lambda f: lambda params, *data: record("jax", *data))
    one_by_one = lambda params, data, *rest: [record("jax", *task, *rest) for task in data]  # noqa: E731
    monkeypatch.setattr(twin, "over_devices", lambda outer, tasks, devices: one_by_one)
    monkeypatch.setattr(steps, "value_and_gradient", lambda loss, params, *data: record("torch", *data))

    def outer(params, problem):
        own = (problem.batches, problem.query, problem.rate, problem.precondition, problem.limit)
        return record("torch", *own)

    monkeypatch.setattr(steps, "_OUTER", {"fomaml": outer})
    settings = TrainSettings(
        "fomaml", tasks=2, k=6, inner_steps=2, inner_batch=4, query=4, size_classes=2, energy_weight=3.0
    )
    arguments = (split.train, CONFIG, problem.baseline, settings)
    for module in (steps, twin):
        module.joint_gradient(*arguments)({}, 5)
        module.meta_gradient(*arguments, {})({}, 5)
    (ours,), *our_episodes = seen["torch"]
    (theirs,), *their_episodes = seen["jax"]
    np.testing.assert_allclose(ours[1].energy, theirs[1].energy, rtol=1e-6)
    assert len(our_episodes) == len(their_episodes) == 2
    for (batches, query, rate, _, limit), (stacked, expected, alpha, _, most) in zip(
        our_episodes, their_episodes, strict=True
    ):
        assert rate == pytest.approx(float(alpha))
        assert limit == pytest.approx(float(most))
        for k, (_, labels) in enumerate(batches):
            np.testing.assert_allclose(labels.energy, stacked[1].energy[k], rtol=1e-6)
            np.testing.assert_allclose(labels.metric, stacked[1].metric[k], rtol=1e-4, atol=1e-6)
        for part in (0, 1):
            np.testing.assert_allclose(query[part][1].energy, expected[part][1].energy, rtol=1e-6)
        np.testing.assert_allclose(query[2], expected[2], rtol=1e-6)
