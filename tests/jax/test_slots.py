"""Neighbour slots: what is gathered, its transpose, and a gradient against a formulation without slots."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

from mfbench.data.configuration import Configuration  # noqa: E402
from mfbench.learned.architectures.mace import MaceConfig  # noqa: E402
from mfbench_jax.models import architecture  # noqa: E402
from mfbench_jax.models.graphs import GraphTable, Padding, batch_configurations  # noqa: E402
from mfbench_jax.models.neighbour_slots import NeighbourSlots  # noqa: E402
from mfbench_jax.models.slots import Slots  # noqa: E402

QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
CONFIG = MaceConfig(elements=(1, 6, 8), r_max=2.6, num_bessel=4, channels=3, radial_mlp=(6,))


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def crowd(count, seed):
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    positions = 1.3 * grid + rng.uniform(-0.2, 0.2, (count, 3))
    return Configuration(rng.choice([1, 6, 8], count), positions).with_label(
        float(rng.normal()), rng.normal(size=(count, 3))
    )


MOLECULES = [crowd(11, 0), crowd(5, 1), crowd(1, 2)]


def batch():
    return batch_configurations(MOLECULES, CONFIG, size=4, dtype=np.float64)


def test_the_slots_of_a_pair_know_each_other():
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    slots = NeighbourSlots.of(4, first, second)
    assert slots.width == 2
    assert [sorted(row) for row in slots.sender.tolist()] == [[1, 2], [0, 2], [0, 1], [-1, -1]]
    for atom, slot in zip(*np.nonzero(slots.sender >= 0), strict=True):
        neighbour, back = slots.sender[atom, slot], slots.back[atom, slot]
        assert slots.sender[neighbour, back] == atom
        assert slots.pair[neighbour, back] == slots.pair[atom, slot]
    assert NeighbourSlots.of(1, first[:0], second[:0]).width == 0


def test_gathers_are_what_their_transposes_say():
    """⟨y, G x⟩ = ⟨Gᵀ y, x⟩ for cotangents that are zero in empty slots, and G copies what it should."""
    graph = batch()
    slots = Slots(graph, np.float64)
    rng = np.random.default_rng(0)
    real = np.asarray(slots.sign)[:, 0] != 0
    for function, rows in ((slots.from_senders, slots.atoms), (slots.from_pairs, graph.pair_first.size)):
        x, y = rng.normal(size=(rows, 2)), rng.normal(size=(len(real), 2)) * real[:, None]
        value, pull = jax.vjp(function, jnp.asarray(x))
        assert float(jnp.vdot(y, value)) == pytest.approx(float(jnp.vdot(pull(jnp.asarray(y))[0], x)))
    pairs = np.arange(graph.pair_first.size, dtype=float)[:, None]
    found = np.asarray(slots.from_pairs(jnp.asarray(pairs)))[real, 0]
    counts = np.bincount(found.astype(int), minlength=len(pairs))
    assert counts.tolist() == [2 * (x >= 0) for x in graph.pair_first.ravel()]


def test_energies_do_not_depend_on_empty_slots():
    run = jax.jit(architecture.energy_forces, static_argnums=1, compiler_options=QUICK)
    params = {k: 1.3 * np.asarray(v, np.float64) for k, v in architecture.init(CONFIG, 0).items()}
    table = GraphTable(MOLECULES, CONFIG)
    need = table.padding
    wide = table.take(
        range(3), padding=Padding(need.atoms, need.pairs + 5, need.neighbours + 3), dtype=float
    )
    narrow = table.take(range(3), dtype=float)
    for a, b in zip(run(params, CONFIG, wide), run(params, CONFIG, narrow), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_loss_gradients_are_those_of_the_twin_without_slots():
    """PyTorch's MACE, which gathers by index and scatters over a list of edges."""
    torch = pytest.importorskip("torch")
    from mfbench.learned.architectures.registry import initial_weights
    from mfbench_torch.models import architecture as twin
    from mfbench_torch.models.graphs import GraphTable as EdgeTable

    weights = {k: 1.3 * v.astype(np.float64) for k, v in initial_weights(CONFIG, 0).items()}
    graph, edges = batch(), EdgeTable(MOLECULES, CONFIG).take(range(3), torch.float64)

    def loss(params):
        energies, forces = architecture.energy_forces(params, CONFIG, graph)
        return ((energies - graph.energy) ** 2).sum() + ((forces - graph.forces) ** 2).sum()

    gradient = jax.jit(jax.grad(loss), compiler_options=QUICK)(weights)
    leaves = {k: torch.from_numpy(v).requires_grad_() for k, v in weights.items()}
    energies, forces = twin.energy_forces(leaves, CONFIG, edges)
    value = ((energies - edges.energy) ** 2).sum() + ((forces - edges.forces) ** 2).sum()
    for name, expected in zip(leaves, torch.autograd.grad(value, list(leaves.values())), strict=True):
        np.testing.assert_allclose(
            gradient[name], expected, rtol=1e-9, atol=1e-9 * np.abs(expected.numpy()).max()
        )
