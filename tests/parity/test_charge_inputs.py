"""Total charge and unpaired electrons as inputs of MACE: heard when on, and alike in both backends."""

import dataclasses

import numpy as np
import pytest

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")

import mfbench_jax.models.architecture as in_jax  # noqa: E402
import mfbench_torch.models.architecture as in_torch  # noqa: E402
from mfbench.data.configuration import Configuration  # noqa: E402
from mfbench.learned.architectures.mace import MaceConfig, initial_weights, parameter_shapes  # noqa: E402
from mfbench.learned.architectures.mace_torch_state import MaceStateError, to_mace_state  # noqa: E402
from mfbench_jax.models.graphs import batch_configurations  # noqa: E402
from mfbench_torch.models.graphs import GraphTable  # noqa: E402

OFF = MaceConfig(elements=(1, 6, 8), r_max=3.0, num_bessel=4, channels=3, radial_mlp=(6,), readout_width=4)
ON = dataclasses.replace(OFF, charge_inputs=True)
POSITIONS = np.array([[0.0, 0.0, 0.0], [1.2, 0.0, 0.1], [-0.5, 1.1, 0.0], [-0.6, -0.9, 0.7]])
STATES = ((0, 0), (1, 0), (0, 1), (-2, 3))
MOLECULES = [Configuration(np.array([6, 8, 1, 1]), POSITIONS, *state) for state in STATES]


def in_both(config):
    """Energies [4] and forces [16, 3] of the four states: JAX, PyTorch; float64."""
    weights = {k: 1.3 * v.astype(np.float64) for k, v in initial_weights(config, 1).items()}
    with jax.enable_x64(True):
        batch = batch_configurations(MOLECULES, config, dtype=np.float64)
        options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
        run = jax.jit(in_jax.energy_forces, static_argnums=1, compiler_options=options)
        there = [np.asarray(x) for x in run(weights, config, batch)]
    graph = GraphTable(MOLECULES, config).take(range(4), torch.float64)
    params = {k: torch.from_numpy(v) for k, v in weights.items()}
    here = [x.numpy() for x in in_torch.energy_forces(params, config, graph, differentiable=False)]
    return there, here


@pytest.mark.parametrize("config", [OFF, ON], ids=["off", "on"])
def test_charges_matter_when_they_are_inputs_and_only_then(config):
    there, here = in_both(config)
    for a, b in zip(there, here, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)
    energies = there[0]
    if config is OFF:
        np.testing.assert_allclose(energies, energies[0], atol=1e-12)
    else:
        assert np.abs(np.subtract.outer(energies, energies) + np.eye(4)).min() > 1e-4


def test_the_other_weights_are_those_of_the_network_without():
    off, on = initial_weights(OFF, 0), initial_weights(ON, 0)
    assert set(on) - set(off) == {"charge_embedding.weight"}
    for name, value in off.items():
        np.testing.assert_array_equal(on[name], value)


def test_such_a_network_does_not_convert():
    weights = {k: np.zeros(shape) for k, shape in parameter_shapes(ON).items()}
    with pytest.raises(MaceStateError, match="charge_inputs"):
        to_mace_state(weights, ON)
