"""The JAX MACE: parity with mace-torch, symmetries, padding, derivatives. Double precision, tiny models."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from mfbench.data.configuration import Configuration  # noqa: E402
from mfbench.learned.architectures import mace_torch_state as mace_state  # noqa: E402
from mfbench.learned.architectures.mace import MaceConfig, parameter_shapes  # noqa: E402
from mfbench.work.keep_memory import keep_freed_memory  # noqa: E402
from mfbench_jax.models import architecture, graphs  # noqa: E402

# Short compilations matter more here than fast code.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
REFERENCE = Path(__file__).parents[1] / "reference_values" / "mace_reference.npz"
CONFIG = MaceConfig(elements=(1, 6, 8, 16, 30), r_max=3.5, num_bessel=4, channels=3, radial_mlp=(6,))


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def evaluate():
    """Energies and forces; one compiled function for the module."""
    return jax.jit(architecture.energy_forces, static_argnums=1, compiler_options=QUICK)


@pytest.fixture(scope="module")
def params():
    # Larger than at initialisation, so that every path matters.
    with jax.enable_x64(True):
        start = architecture.init(CONFIG, 3)
        return {k: 1.5 * np.asarray(v, np.float64) for k, v in start.items()}


def molecule(n: int, seed: int, elements=CONFIG.elements) -> Configuration:
    rng = np.random.default_rng(seed)
    positions: list[np.ndarray] = []
    while len(positions) < n:
        x = rng.uniform(-2.4, 2.4, 3)
        if all(np.linalg.norm(x - y) > 0.9 for y in positions):
            positions.append(x)
    return Configuration(rng.choice(elements, n), np.array(positions))


PADDING = graphs.Padding(12, 48)


def run(evaluate, params, configurations, padding=PADDING, size=4):
    """List of (energy, forces [n, 3]) for each configuration."""
    batch = graphs.batch_configurations(
        configurations, CONFIG, padding=padding, size=size, dtype=np.float64
    )
    energies, forces = evaluate(params, CONFIG, batch)
    forces = np.asarray(forces).reshape(size, -1, 3)
    return [(float(energies[k]), forces[k, : len(x)]) for k, x in enumerate(configurations)]


def moved(configuration: Configuration, positions) -> Configuration:
    return dataclasses.replace(configuration, positions=np.asarray(positions))


def assert_same(a, b, tolerance=1e-12):
    assert a[0] == pytest.approx(b[0], rel=tolerance, abs=tolerance)
    np.testing.assert_allclose(a[1], b[1], rtol=0, atol=tolerance * max(1.0, np.abs(b[1]).max()))


@pytest.mark.parametrize("tag", ["two", "three"])
def test_parity_with_mace_torch(evaluate, tag):
    data = np.load(REFERENCE)
    config = MaceConfig.from_dict(json.loads(str(data[f"{tag}/config"])))
    head = f"{tag}/state/"
    state = {k.removeprefix(head): data[k] for k in data.files if k.startswith(head)}
    weights = mace_state.from_mace_state(state, config)
    molecules = [Configuration(data[f"numbers/{k}"], data[f"positions/{k}"]) for k in range(4)]
    batch = graphs.batch_configurations(molecules, config, dtype=np.float64)
    energies, forces = evaluate(weights, config, batch)
    forces = np.asarray(forces).reshape(4, -1, 3)
    for k, x in enumerate(molecules):
        # The shift is a constant: compare what the network adds to it.
        constant = config.shift * len(x)
        expected = data[f"{tag}/energy/{k}"] - constant
        assert float(energies[k]) - constant == pytest.approx(expected, rel=1e-6)
        reference = data[f"{tag}/forces/{k}"]
        np.testing.assert_allclose(forces[k, : len(x)], reference, atol=1e-6 * np.abs(reference).max())
    back = mace_state.to_mace_state(weights, config)
    for name in parameter_shapes(config):
        assert back[name].shape == state[name].shape
        np.testing.assert_array_equal(back[name], state[name])


def test_state_errors():
    weights = {k: np.zeros(s) for k, s in parameter_shapes(CONFIG).items()}
    state = mace_state.to_mace_state(weights, CONFIG)
    assert mace_state.from_mace_state(state, CONFIG).keys() == weights.keys()
    with pytest.raises(mace_state.MaceStateError, match="r_max"):
        mace_state.from_mace_state(state, dataclasses.replace(CONFIG, r_max=5.0))
    with pytest.raises(mace_state.MaceStateError, match="layer0"):
        mace_state.from_mace_state(state, dataclasses.replace(CONFIG, num_bessel=5))
    with pytest.raises(mace_state.MaceStateError, match="does not have"):
        mace_state.from_mace_state(state | {"joint_embedding.weight": np.ones(2)}, CONFIG)
    del state["node_embedding.linear.weight"]
    with pytest.raises(mace_state.MaceStateError, match="node_embedding"):
        mace_state.from_mace_state(state, CONFIG)


def test_config_round_trip_and_refusals():
    again = json.loads(json.dumps(dataclasses.asdict(CONFIG)))
    assert MaceConfig.from_dict(again) == CONFIG
    with pytest.raises(ValueError, match="unknown"):
        MaceConfig.from_dict(again | {"nonsense": 1})
    with pytest.raises(ValueError, match="correlation"):
        MaceConfig(correlation=3)
    with pytest.raises(ValueError, match="ascending"):
        MaceConfig(elements=(6, 1))


def test_initial_distribution():
    config = MaceConfig(channels=32)
    start = architecture.init(config, 0)
    assert {k: v.shape for k, v in start.items()} == parameter_shapes(config)
    assert all(v.dtype == np.float32 for v in start.values())
    assert np.std(start["interactions.1.linear.weight"]) == pytest.approx(1, abs=0.03)
    top = start["products.0.symmetric_contractions.contractions.1.weights_max"]
    assert np.std(top) == pytest.approx(1 / 4, abs=0.03)
    other = architecture.init(config, 1)
    assert not np.allclose(start["node_embedding.linear.weight"], other["node_embedding.linear.weight"])


def test_forces_are_finite_differences(evaluate, params):
    x = molecule(7, 0)
    _, forces = run(evaluate, params, [x])[0]
    step = 1e-4
    for atom, axis in ((0, 0), (3, 1), (6, 2)):
        shift = np.zeros((7, 3))
        shift[atom, axis] = step
        up, down = run(evaluate, params, [moved(x, x.positions + shift), moved(x, x.positions - shift)])
        assert forces[atom, axis] == pytest.approx(-(up[0] - down[0]) / (2 * step), rel=1e-6, abs=1e-8)


def test_symmetries(evaluate, params):
    x = molecule(9, 1)
    rng = np.random.default_rng(5)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    proper = rotation * np.linalg.det(rotation)
    order = rng.permutation(9)
    permuted = dataclasses.replace(x, atomic_numbers=x.atomic_numbers[order], positions=x.positions[order])
    plain, turned, mirrored, swapped = run(
        evaluate,
        params,
        [
            x,
            moved(x, x.positions @ proper.T + [3.0, -1.0, 7.0]),
            moved(x, -x.positions @ proper.T),
            permuted,
        ],
    )
    assert np.abs(plain[1]).max() > 1e-2
    np.testing.assert_allclose(plain[1].sum(0), 0, atol=1e-12)
    assert_same(turned, (plain[0], plain[1] @ proper.T))
    assert_same(mirrored, (plain[0], -plain[1] @ proper.T))
    assert_same(swapped, (plain[0], plain[1][order]))


def test_padding_and_batch_mates_do_not_matter(evaluate, params):
    x, y, z = molecule(5, 2), molecule(9, 3), molecule(1, 4)
    together = run(evaluate, params, [x, y, z])
    assert_same(run(evaluate, params, [x])[0], together[0])
    assert_same(run(evaluate, params, [y, x])[0], together[1])
    # A lone atom: no pairs at all.
    assert_same(run(evaluate, params, [z])[0], together[2])
    assert np.all(together[2][1] == 0)
    assert_same(run(evaluate, params, [x], graphs.Padding(16, 80), 2)[0], together[0])


def test_smooth_at_the_cutoff(evaluate, params):
    x = molecule(4, 6)
    far = x.positions[0] + np.array([1.0, 0.0, 0.0]) * (CONFIG.r_max + np.array([[-1e-3], [0.0], [1e-3]]))
    others = x.positions[:1]
    results = run(
        evaluate,
        params,
        [Configuration(np.array([6, 8]), np.concatenate([others, p[None]])) for p in far],
    )
    energies = [e for e, _ in results]
    assert energies[1] == pytest.approx(energies[2], abs=1e-12)
    assert energies[0] == pytest.approx(energies[2], abs=1e-6)
    np.testing.assert_allclose(results[0][1], 0, atol=1e-4)
    np.testing.assert_allclose(results[2][1], 0, atol=0)


def test_hessian_vector_product_with_padding_is_finite_and_right(params):
    batch = graphs.batch_configurations(
        [molecule(5, 7), molecule(3, 8)], CONFIG, padding=PADDING, size=3, dtype=np.float64
    )

    def loss(p):
        energies, forces = architecture.energy_forces(p, CONFIG, batch)
        return (energies**2).sum() + (forces**2).sum()

    gradient = jax.jit(jax.grad(loss), compiler_options=QUICK)
    rng = np.random.default_rng(0)
    direction = {k: rng.normal(size=v.shape) for k, v in params.items()}
    product = jax.jit(lambda p, v: jax.jvp(jax.grad(loss), (p,), (v,))[1], compiler_options=QUICK)(
        params, direction
    )
    step = 1e-5
    up = gradient({k: v + step * direction[k] for k, v in params.items()})
    down = gradient({k: v - step * direction[k] for k, v in params.items()})
    for k, value in product.items():
        assert np.all(np.isfinite(value)), k
        numeric = (np.asarray(up[k]) - np.asarray(down[k])) / (2 * step)
        np.testing.assert_allclose(value, numeric, rtol=1e-4, atol=1e-6 * max(1, np.abs(numeric).max()))


def test_position_derivatives_agree_with_forces(evaluate, params):
    batch = graphs.batch_configurations([molecule(4, 9)], CONFIG, padding=PADDING, size=4, dtype=np.float64)
    slope = jax.jit(
        jax.grad(lambda x: architecture.energy(params, CONFIG, batch._replace(positions=x)).sum()),
        compiler_options=QUICK,
    )
    _, forces = evaluate(params, CONFIG, batch)
    np.testing.assert_allclose(-slope(batch.positions), forces, atol=1e-12)


def test_table_takes_batches_and_labels():
    labelled = molecule(3, 1).with_label(-2.5, np.ones((3, 3)))
    table = graphs.GraphTable([labelled, molecule(6, 2), labelled.blind()], CONFIG)
    assert len(table) == 3
    batch = table.take([2, 0], size=3)
    assert batch.positions.dtype == np.float32
    assert batch.n_atoms.tolist() == [3, 3, 0]
    assert batch.has_label.tolist() == [False, True, False]
    assert batch.energy.tolist() == [0, -2.5, 0]
    assert batch.atom_mask.sum() == 6
    assert batch.forces.reshape(3, -1, 3)[1, :3].sum() == 9
    classes, paddings = table.size_classes(2)
    assert classes.tolist() == [0, 1, 0]
    for index, kind in enumerate(classes):
        assert table.take([index], padding=paddings[kind]).n_atoms == [table.n_atoms[index]]
    assert paddings[0].pairs < paddings[1].pairs
    with pytest.raises(ValueError, match="too small"):
        table.take([1], padding=graphs.Padding(4, 32))
    with pytest.raises(ValueError, match="too small"):
        graphs.GraphTable([molecule(6, 2)], CONFIG, padding=graphs.Padding(4, 32))
    with pytest.raises(ValueError, match="do not fit"):
        table.take([0, 1], size=1)


def test_unknown_element_is_a_one_line_error():
    with pytest.raises(graphs.UnknownElementError, match="atomic number 26, 92") as caught:
        graphs.GraphTable([Configuration(np.array([92, 6, 26]), np.eye(3))], CONFIG)
    assert "\n" not in str(caught.value)


def test_heap_setting_is_safe_to_repeat():
    assert keep_freed_memory() == keep_freed_memory()
