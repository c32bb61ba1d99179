"""MAML's outer gradient is exact, its memory is flat, and adaptation is the inner loop it trained."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mfbench.learned.adaptation.inner_rates import PREFIX, separated
from mfbench.learned.adaptation.moving_weights import moving_names
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.architectures.mace import MaceConfig
from mfbench.learned.training.sampling_order import adaptation_batches
from mfbench.protocol.energy_baseline import correction_between, correction_kernel, fit_baseline
from mfbench_jax.adaptation import descend, start
from mfbench_jax.data import Dataset
from mfbench_jax.meta.bound import NO_LIMIT
from mfbench_jax.meta.inner import InnerProblem, inner_loop
from mfbench_jax.meta.objective import LossWeights, batch_loss, query_loss
from mfbench_jax.meta.outer import fomaml_gradient, maml_gradient, reptile_gradient
from mfbench_jax.meta.plus import Schedule, maml_pp_gradient
from mfbench_jax.models.architecture import energy, energy_forces, init

pytestmark = pytest.mark.usefixtures("short_compilations")

STEPS = 3
RATE = 0.2  # large enough that MAML and FOMAML differ by more than 1 %
WEIGHTS = LossWeights()


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


class Problem:
    """One episode on a small MACE in float64."""

    def __init__(self, split, steps):
        self.config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
        task = split.train[0]
        baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
        support = Dataset(task.support, self.config, baseline, corrected=True, dtype=np.float64)
        held = (*task.query, *task.heldout)
        query = Dataset(held, self.config, baseline, corrected=False, dtype=np.float64)
        everything, chosen = np.arange(8), np.arange(6)
        operator = correction_between(
            support.kernel[:8, :8], correction_kernel([held[i] for i in chosen], task.support[:8])
        )
        self.batches = support.batches(adaptation_batches(8, steps, 4, seed=1), 4)
        self.query = (support.batch(everything, 8), query.batch(chosen, 6), operator)
        self.params = {k: v.astype(jnp.float64) for k, v in init(self.config, 0).items()}
        rng = np.random.default_rng(0)
        self.precondition = {k: jnp.asarray(rng.uniform(0.5, 1.5, v.shape)) for k, v in self.params.items()}
        self.model = lambda p, b: energy_forces(p, self.config, b)
        self.energies = lambda p, b: energy(p, self.config, b)

    def gradient(self, params, batch):
        return jax.grad(batch_loss)(params, self.model, *batch, WEIGHTS)

    def query_loss(self, params, query):
        return query_loss(params, self.model, self.energies, *query, WEIGHTS)

    def outer(self, function):
        """(params, **arguments) → what ``function`` finds; the functions are no arguments of a program."""
        return lambda params, **arguments: function(
            params, InnerProblem(self.gradient, self.query_loss, **arguments)
        )

    def arguments(self):
        return {
            "batches": self.batches, "query": self.query, "rate": RATE, "precondition": self.precondition,
        }  # fmt: skip


@pytest.fixture(scope="module")
def problem(split):
    with jax.enable_x64(True):
        return Problem(split, STEPS)


def distance(a, b):
    """‖a − b‖ / ‖b‖ over all parameters."""
    square = lambda t: sum(float(jnp.sum(x**2)) for x in jax.tree.leaves(t))  # noqa: E731
    return (square(jax.tree.map(jnp.subtract, a, b)) / square(b)) ** 0.5


def test_maml_is_the_explicit_product_of_hessian_vector_products(problem):
    """Step by step in Python, with each product taken the other way: the gradient of ⟨g, v⟩."""
    slope = jax.jit(problem.gradient)

    @jax.jit
    def product(theta, vector, batch):
        inner = lambda t: sum(jnp.vdot(g, vector[k]) for k, g in problem.gradient(t, batch).items())  # noqa: E731
        return jax.grad(inner)(theta)

    trail, theta = [], problem.params
    rows = [jax.tree.map(lambda x, i=i: x[i], problem.batches) for i in range(STEPS)]
    for row in rows:
        trail.append(theta)
        g = slope(theta, row)
        theta = {k: theta[k] - RATE * problem.precondition[k] * g[k] for k in theta}
    first_order = adjoint = jax.jit(jax.grad(problem.query_loss))(theta, problem.query)
    for visited, row in zip(reversed(trail), reversed(rows), strict=True):
        scaled = {k: problem.precondition[k] * adjoint[k] for k in adjoint}
        h = product(visited, scaled, row)
        adjoint = {k: adjoint[k] - RATE * h[k] for k in adjoint}
    _, maml = jax.jit(problem.outer(maml_gradient))(problem.params, **problem.arguments())
    assert distance(maml, adjoint) < 1e-8
    assert distance(first_order, adjoint) > 0.01  # the rate is large enough to tell FOMAML from MAML


class Toy:
    """A two-layer perceptron instead of MACE: the outer gradients know nothing of the model."""

    def __init__(self):
        rng = np.random.default_rng(0)
        draw = lambda *shape: jnp.asarray(rng.normal(size=shape))  # noqa: E731
        self.params = {"a": draw(3, 4), "b": draw(4, 1)}
        self.batches = (draw(STEPS, 5, 3), draw(STEPS, 5, 1))
        self.query = (draw(6, 3), draw(6, 1))
        self.precondition = {"a": jnp.abs(draw(3, 4)), "b": jnp.abs(draw(4, 1))}

    @staticmethod
    def loss(params, batch):
        return jnp.mean((jnp.tanh(batch[0] @ params["a"]) @ params["b"] - batch[1]) ** 2)

    def problem(self, rate=RATE, limit=NO_LIMIT):
        slope = jax.grad(self.loss)
        return InnerProblem(slope, self.loss, self.batches, self.query, rate, self.precondition, limit)

    def adapted(self, params):
        return self.problem().solve(params)[0]

    def outer(self, function):
        return function(self.params, self.problem())


def test_maml_is_the_derivative_of_the_adapted_query_loss():
    """Automatic differentiation through the whole, unrolled inner loop."""
    toy = Toy()
    loss, gradient = toy.outer(maml_gradient)
    whole = jax.value_and_grad(lambda params: toy.loss(toy.adapted(params), toy.query))(toy.params)
    assert float(loss) == pytest.approx(float(whole[0]), rel=1e-12)
    assert distance(gradient, whole[1]) < 1e-10


def test_fomaml_is_the_gradient_at_the_adapted_parameters():
    toy = Toy()
    _, gradient = toy.outer(fomaml_gradient)
    assert distance(gradient, jax.grad(toy.loss)(toy.adapted(toy.params), toy.query)) < 1e-12
    assert distance(gradient, toy.outer(maml_gradient)[1]) > 0.01


def test_reptile_points_from_the_adapted_to_the_initial_parameters():
    toy = Toy()
    _, direction = toy.outer(reptile_gradient)
    adapted = toy.adapted(toy.params)
    assert distance(direction, {k: toy.params[k] - adapted[k] for k in adapted}) < 1e-12


@pytest.mark.parametrize("limit", [0.05, 0.3])
def test_maml_is_exact_where_steps_are_shortened(limit):
    """Some or all of the steps are longer than the limit; and no weights go further than the steps may."""
    toy, limit = Toy(), np.float64(limit)
    problem = toy.problem(limit=limit)
    loss, gradient = maml_gradient(toy.params, problem)
    whole = jax.value_and_grad(lambda params: toy.loss(problem.solve(params)[0], toy.query))(toy.params)
    assert float(loss) == pytest.approx(float(whole[0]), rel=1e-12)
    assert distance(gradient, whole[1]) < 1e-10
    assert distance(gradient, toy.outer(maml_gradient)[1]) > 0.01
    as_maml = Schedule(jnp.asarray([0.0, 0.0, 1.0]), np.bool_(True), 1.0)
    _, again = maml_pp_gradient(toy.params, problem, as_maml)
    assert distance(again, whole[1]) < 1e-10
    wild, _ = toy.problem(1e30, limit).solve(toy.params)
    moved = sum(float(jnp.sum((wild[k] - toy.params[k]) ** 2)) for k in wild) ** 0.5
    assert moved <= STEPS * limit * (1 + 1e-9)


PLUS = {"weights": np.array([0.2, 0.3, 0.5]), "scale": np.float64(10.0)}


def plus_params(toy):
    rng = np.random.default_rng(1)
    rates = {PREFIX + k: jnp.asarray(rng.uniform(-0.05, 0.05, STEPS)) for k in toy.params}
    return {**toy.params, **rates}


def plus(toy, params, *, second, weights=PLUS["weights"]):
    schedule = Schedule(jnp.asarray(weights), np.bool_(second), PLUS["scale"])
    return maml_pp_gradient(params, toy.problem(), schedule)


def unrolled_plus(toy, second):
    """The multi-step objective written out; at first order the inner gradients are constants."""
    hold = (lambda g: g) if second else jax.lax.stop_gradient

    def objective(params):
        theta, logarithms = separated(params)
        total = 0.0
        for k in range(STEPS):
            slope = hold(jax.grad(toy.loss)(theta, tuple(x[k] for x in toy.batches)))
            factor = {name: jnp.exp(PLUS["scale"] * logarithms[name][k]) for name in theta}
            theta = {n: theta[n] - RATE * factor[n] * toy.precondition[n] * slope[n] for n in theta}
            total += PLUS["weights"][k] * toy.loss(theta, toy.query)
        return total

    return jax.value_and_grad(objective)


@pytest.mark.parametrize("second", [True, False])
def test_maml_pp_is_the_derivative_in_weights_and_rates(second):
    toy = Toy()
    params = plus_params(toy)
    loss, gradient = plus(toy, params, second=second)
    expected, slopes = unrolled_plus(toy, second)(params)
    assert float(loss) == pytest.approx(float(expected), rel=1e-12)
    for part in (0, 1):  # weights; rates
        assert distance(separated(gradient)[part], separated(slopes)[part]) < 1e-10
    assert min(float(jnp.abs(v).min()) for v in separated(gradient)[1].values()) > 1e-6
    other = plus(toy, params, second=not second)[1]
    assert distance(gradient, other) > 0.01


def test_maml_pp_without_its_parts_is_maml():
    toy = Toy()
    _, gradient = plus(toy, toy.params, second=True, weights=[0.0, 0.0, 1.0])
    assert distance(gradient, toy.outer(maml_gradient)[1]) < 1e-12
    _, gradient = plus(toy, toy.params, second=False, weights=[0.0, 0.0, 1.0])
    assert distance(gradient, toy.outer(fomaml_gradient)[1]) < 1e-12


def test_anil_adapts_the_head_and_differentiates_in_everything():
    toy = Toy()
    toy.precondition = {"b": toy.precondition["b"]}
    assert np.array_equal(toy.adapted(toy.params)["a"], toy.params["a"])
    _, gradient = toy.outer(maml_gradient)

    def objective(params):
        theta = params
        for k in range(STEPS):
            slope = jax.grad(toy.loss)(theta, tuple(x[k] for x in toy.batches))
            theta = {"a": theta["a"], "b": theta["b"] - RATE * toy.precondition["b"] * slope["b"]}
        return toy.loss(theta, toy.query)

    expected = jax.grad(objective)(toy.params)
    assert distance(gradient, expected) < 1e-10
    assert float(jnp.abs(gradient["a"]).max()) > 1e-3
    first_order = toy.outer(fomaml_gradient)[1]
    assert distance(first_order, expected) > 0.01
    _, gradient = plus(toy, toy.params, second=True, weights=[0.0, 0.0, 1.0])
    assert distance(gradient, expected) < 1e-10


def test_memory_is_flat_in_the_number_of_inner_steps(split):
    """The compiler's temporary bytes: twenty steps against one."""

    def temporary_bytes(steps):
        problem = Problem(split, steps)
        outer = jax.jit(problem.outer(maml_gradient))
        compiled = outer.lower(problem.params, **problem.arguments()).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary_bytes(20) <= 1.2 * temporary_bytes(1)


def test_adaptation_is_the_inner_loop_that_was_meta_trained(split):
    """``descend`` with sgd, as ``evaluate`` runs it, in float32."""
    config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
    task = split.train[0]
    with jax.enable_x64(False):
        baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
        dataset = Dataset(task.support[:8], config, baseline, corrected=True)
        params = init(config, 0)
        precondition = {k: jnp.full_like(v, 0.5) for k, v in params.items()}
        indices = adaptation_batches(8, STEPS, 4, seed=1)
        settings = AdaptSettings("sgd", RATE, bound=0.0)
        adapted, _ = descend(
            params, start(params, settings), precondition, dataset, indices, config, settings
        )

        def gradient(p, batch):
            return jax.grad(batch_loss)(p, lambda q, b: energy_forces(q, config, b), *batch, WEIGHTS)

        expected, _ = jax.jit(partial(inner_loop, gradient=gradient))(
            params, batches=dataset.batches(indices, 4), rate=RATE, precondition=precondition
        )
        assert distance(adapted, expected) < 0.01 * distance(params, expected)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("adapt", ["head", "body", "products.0+readouts.1"])
def test_only_the_weights_that_adapt_move(split, optimizer, adapt):
    config = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
    with jax.enable_x64(False):
        baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
        dataset = Dataset(split.train[0].support[:4], config, baseline, corrected=True)
        params = init(config, 0)
        settings = AdaptSettings(optimizer, 0.01, adapt=adapt)
        adapted, _ = descend(
            params, start(params, settings), {k: jnp.ones_like(v) for k, v in params.items()}, dataset,
            adaptation_batches(4, 1, 4, seed=1), config, settings,
        )  # fmt: skip
    moved = {k for k in params if not np.array_equal(adapted[k], params[k])}
    assert moved == set(moving_names(params, adapt))
    assert 0 < len(moved) < len(params)
