"""NequIP and Allegro do what their papers promise, in both backends. Double precision, tiny models."""

import dataclasses

import numpy as np
import pytest

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")

from scipy.spatial.transform import Rotation  # noqa: E402

import mfbench_jax.models.architecture as in_jax  # noqa: E402
import mfbench_torch.models.architecture as in_torch  # noqa: E402
from mfbench.data.configuration import Configuration  # noqa: E402
from mfbench.learned.architectures.allegro import AllegroConfig  # noqa: E402
from mfbench.learned.architectures.nequip import NequipConfig  # noqa: E402
from mfbench.learned.architectures.registry import config_from, config_record, initial_weights  # noqa: E402
from mfbench_jax.models.graphs import batch_configurations  # noqa: E402
from mfbench_torch.models.graphs import GraphTable  # noqa: E402

QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
SIZE = {"elements": (1, 6, 8), "r_max": 3.0, "num_bessel": 4, "channels": 3, "l_max": 2, "readout_width": 4}
NEQUIP = NequipConfig(**SIZE, radial_mlp=(6,))
ALLEGRO = AllegroConfig(**SIZE, two_body_mlp=(6,), latent=5)
BOTH = pytest.mark.parametrize("config", [NEQUIP, ALLEGRO], ids=["nequip", "allegro"])


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def weights(config):
    """Larger than at initialisation, so that every path matters."""
    return {k: 1.3 * v.astype(np.float64) for k, v in initial_weights(config, 1).items()}


def torch_weights(config):
    return {k: torch.from_numpy(v) for k, v in weights(config).items()}


def crowd(seed=0):
    """Eleven atoms on a jittered grid: more than one cutoff wide, no two alike."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)[:11]
    return Configuration(
        rng.choice([1, 6, 8], 11).astype(np.int32), 1.3 * grid + rng.uniform(-0.2, 0.2, (11, 3))
    )


def chain(spacing, count):
    """Atoms on a line that is bent a little, each within reach of its neighbours alone."""
    positions = np.arange(count)[:, None] * np.array([spacing, 0.0, 0.0])
    positions[1::2, 1] = 0.3
    return Configuration(np.array([1, 6, 8, 1, 6, 8])[:count].astype(np.int32), positions)


def evaluated(config, configuration, params=None):
    """Energy (eV) and forces [n, 3] (eV/Å) in PyTorch."""
    batch = GraphTable([configuration], config).take([0], torch.float64)
    energy, forces = in_torch.energy_forces(
        params or torch_weights(config), config, batch, differentiable=False
    )
    return energy.item(), forces.numpy()


def atoms(config, configuration):
    batch = GraphTable([configuration], config).take([0], torch.float64)
    return in_torch.atom_energies(torch_weights(config), config, batch).numpy()


def with_positions(configuration, positions):
    return dataclasses.replace(configuration, positions=np.asarray(positions))


@BOTH
def test_the_backends_agree_on_energies_forces_and_features(config):
    molecules = [crowd(0), crowd(1), chain(1.5, 5)]
    batch = batch_configurations(molecules, config, size=4, dtype=np.float64)

    def everything(params, batch):
        vectors = batch.pair_vectors()
        return in_jax.energy_forces(params, config, batch), in_jax.features(params, config, vectors, batch)

    (energies, forces), features = jax.jit(everything, compiler_options=QUICK)(weights(config), batch)
    params = torch_weights(config)
    for k, molecule in enumerate(molecules):
        n = len(molecule)
        energy, force = evaluated(config, molecule)
        assert energies[k] == pytest.approx(energy, rel=1e-10)
        np.testing.assert_allclose(np.asarray(forces).reshape(4, -1, 3)[k, :n], force, atol=1e-10)
        graph = GraphTable([molecule], config).take([0], torch.float64)
        leaves = in_torch.leaves_of(params, config, graph)
        found = in_torch.features_of(params, config, graph, leaves).detach().numpy()
        np.testing.assert_allclose(np.asarray(features)[k, :, :n], found, atol=1e-10)
    assert energies[3] == 0.0  # an empty slot


@BOTH
@pytest.mark.parametrize("kind", ["rotation", "reflection", "permutation", "translation"])
def test_energies_are_invariant_and_forces_turn_along(config, kind):
    molecule = crowd()
    turn = Rotation.random(rng=np.random.default_rng(5)).as_matrix()
    turn = {"rotation": turn, "reflection": -turn}.get(kind, np.eye(3))
    order = np.random.default_rng(3).permutation(11) if kind == "permutation" else np.arange(11)
    shift = 7.0 * (kind == "translation")
    moved = Configuration(molecule.atomic_numbers[order], molecule.positions[order] @ turn.T + shift)
    energy, forces = evaluated(config, molecule)
    again, turned = evaluated(config, moved)
    assert again == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(turned, forces[order] @ turn.T, atol=1e-12)
    assert np.abs(forces).max() > 1e-2


@BOTH
def test_forces_are_minus_the_gradient_of_the_energy(config):
    molecule, h = crowd(), 1e-5
    _, forces = evaluated(config, molecule)
    for atom, axis in ((0, 0), (4, 1), (10, 2)):
        step = np.zeros((11, 3))
        step[atom, axis] = h
        low, high = (
            evaluated(config, with_positions(molecule, molecule.positions + s * step))[0] for s in (-1, 1)
        )
        assert forces[atom, axis] == pytest.approx(-(high - low) / (2 * h), abs=1e-8)


@pytest.mark.parametrize("layers", [2, 3])
def test_nequip_sees_as_many_cutoffs_as_it_has_layers(layers):
    config = dataclasses.replace(NEQUIP, num_interactions=layers)
    molecule = chain(2.3, 6)  # one hop a cutoff
    start = atoms(config, molecule)
    for atom in range(1, 6):
        positions = molecule.positions.copy()
        positions[atom, 2] += 0.2
        change = abs(atoms(config, with_positions(molecule, positions))[0] - start[0])
        if atom <= layers:
            assert change > 1e-9
        else:
            assert change == 0.0


@pytest.mark.parametrize("layers", [1, 3])
def test_allegro_is_strictly_local_however_deep(layers):
    config = dataclasses.replace(ALLEGRO, num_layers=layers)
    molecule = chain(2.3, 6)
    start = atoms(config, molecule)
    positions = molecule.positions.copy()
    positions[3, 2] += 0.2
    change = np.abs(atoms(config, with_positions(molecule, positions)) - start)
    assert np.all(change[[2, 3, 4]] > 1e-9)  # itself, and those that it touches
    np.testing.assert_array_equal(change[[0, 1, 5]], 0.0)


@BOTH
def test_an_atom_leaves_the_cutoff_smoothly(config):
    """Energy, force and stiffness have no step where a pair gets out of reach."""
    cluster = crowd().positions[:4]

    def pulled(distance):
        away = cluster[0] + distance * np.array([-1.0, 0.0, 0.0])
        energy, forces = evaluated(
            config, Configuration(np.array([6, 1, 8, 1, 6], np.int32), [*cluster, away])
        )
        return energy, forces[-1]

    (inside, force), (outside, none) = pulled(config.r_max - 1e-4), pulled(config.r_max + 1e-4)
    assert abs(inside - outside) < 1e-9
    assert np.abs(force).max() < 1e-6  # grows with the square of the overlap
    np.testing.assert_array_equal(none, 0.0)
    assert np.abs(pulled(config.r_max - 0.8)[1]).max() > 1e-4


@BOTH
def test_a_lonely_atom_has_a_finite_energy_and_no_force(config):
    energy, forces = evaluated(config, Configuration(np.array([8], np.int32), np.zeros((1, 3))))
    assert np.isfinite(energy)
    np.testing.assert_array_equal(forces, 0.0)


@BOTH
def test_a_configuration_survives_its_card(config):
    assert config_from(config_record(config)) == config
    with pytest.raises(ValueError, match="nonsense"):
        config_from({**config_record(config), "nonsense": 1})
