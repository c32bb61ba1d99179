"""The PyTorch MACE: parity with JAX and with mace's own forward pass, safe imports, conversion."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from mfbench.cli import main
from mfbench.data.configuration import Configuration
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.architectures.mace_torch_state import from_mace_state
from mfbench.learned.architectures.neighbours import UnknownElementError
from mfbench.learned.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mfbench_torch import libraries
from mfbench_torch.checkpoint import tensors
from mfbench_torch.convert import mace_energies, mace_model
from mfbench_torch.models import architecture
from mfbench_torch.models.graphs import GraphTable
from mfbench_torch.predictor import model_predictions

REFERENCE = Path(__file__).parents[1] / "reference_values" / "mace_reference.npz"
CONFIG = MaceConfig(elements=(1, 6, 8, 16, 30), r_max=3.5, num_bessel=4, channels=3, radial_mlp=(6,))
DOUBLE = torch.float64


@pytest.fixture(scope="module")
def params():
    # Larger than at initialisation, so that every path matters.
    return {k: 1.5 * v.astype(np.float64) for k, v in initial_weights(CONFIG, 3).items()}


def molecule(n: int, seed: int, elements=CONFIG.elements) -> Configuration:
    rng = np.random.default_rng(seed)
    positions: list[np.ndarray] = []
    while len(positions) < n:
        x = rng.uniform(-2.4, 2.4, 3)
        if all(np.linalg.norm(x - y) > 0.9 for y in positions):
            positions.append(x)
    numbers = np.resize(elements, n)  # every element
    return Configuration(rng.permutation(numbers).astype(np.int32), np.array(positions))


MOLECULES = [molecule(n, n) for n in (2, 9, 6, 1)]


def run(params, configurations, config=CONFIG):
    return model_predictions(tensors(params, DOUBLE), config, configurations)


def test_importing_mace_leaves_safe_loading_on(tmp_path):
    """A pickle that is not plain weights is still refused."""
    assert libraries.mace_modules is not None
    assert os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD") is None
    torch.save(slice(1), tmp_path / "a.pt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "a.pt")


@pytest.mark.parametrize("tag", ["two", "three"])
def test_parity_with_mace_torch(tag):
    data = np.load(REFERENCE)
    config = MaceConfig.from_dict(json.loads(str(data[f"{tag}/config"])))
    head = f"{tag}/state/"
    state = {k.removeprefix(head): data[k] for k in data.files if k.startswith(head)}
    molecules = [Configuration(data[f"numbers/{k}"], data[f"positions/{k}"]) for k in range(4)]
    energies, forces = run(from_mace_state(state, config), molecules, config)
    for k in range(4):
        assert energies[k] == pytest.approx(data[f"{tag}/energy/{k}"], rel=1e-10)
        reference = data[f"{tag}/forces/{k}"]
        np.testing.assert_allclose(forces[k], reference, atol=1e-10 * np.abs(reference).max())


@pytest.mark.parametrize("padded", [False, True])
def test_parity_with_jax(params, padded):
    jax = pytest.importorskip("jax")
    from mfbench_jax.models import architecture as twin
    from mfbench_jax.models import graphs

    padding = graphs.Padding(16, 80) if padded else None
    quick = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    with jax.enable_x64(True):
        batch = graphs.batch_configurations(
            MOLECULES, CONFIG, padding=padding, size=6 if padded else None, dtype=np.float64
        )
        evaluate = jax.jit(twin.energy_forces, static_argnums=1, compiler_options=quick)
        expected, expected_forces = map(np.asarray, evaluate(params, CONFIG, batch))
    energies, forces = run(params, MOLECULES)
    rows = expected_forces.reshape(len(expected), -1, 3)
    assert {z for x in MOLECULES for z in x.atomic_numbers} == set(CONFIG.elements)
    np.testing.assert_allclose(energies, expected[: len(MOLECULES)], rtol=1e-6)
    for x, ours, theirs in zip(MOLECULES, forces, rows, strict=False):
        np.testing.assert_allclose(ours, theirs[: len(x)], rtol=0, atol=1e-6 * max(np.abs(theirs).max(), 1))


def test_cached_geometry_gives_the_forces_of_the_positions(params):
    """Against mace's own forward pass on positions, and its derivative."""
    checkpoint = Checkpoint(CONFIG, params, {}, {})
    model = mace_model(checkpoint, {})
    batch = GraphTable(MOLECULES, CONFIG).take(range(4), DOUBLE)
    weights = tensors(params, DOUBLE)
    energies, forces = architecture.energy_forces(weights, CONFIG, batch, differentiable=False)
    torch.testing.assert_close(mace_energies(model, batch), energies, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        architecture.energy(weights, CONFIG, batch), energies, rtol=1e-12, atol=1e-12
    )
    step = 1e-4
    for atom, axis in ((0, 0), (5, 1), (12, 2)):
        moved = []
        for sign in (1, -1):
            flat = torch.zeros_like(batch.positions)
            flat[atom, axis] = sign * step
            parts = torch.split(flat, [len(x) for x in MOLECULES])
            there = [
                Configuration(x.atomic_numbers, x.positions + p.numpy())
                for x, p in zip(MOLECULES, parts, strict=True)
            ]
            moved.append(run(params, there)[0].sum())
        assert forces[atom, axis].item() == pytest.approx(
            -(moved[0] - moved[1]) / (2 * step), rel=1e-6, abs=1e-7
        )


def test_batch_mates_do_not_matter(params):
    energies, forces = run(params, MOLECULES)
    for k, x in enumerate(MOLECULES):
        (alone,), (force,) = run(params, [x])
        assert alone == pytest.approx(energies[k], abs=1e-12)
        np.testing.assert_allclose(force, forces[k], atol=1e-12)


def test_unknown_element_is_named():
    with pytest.raises(UnknownElementError, match="atomic number 92"):
        GraphTable([Configuration(np.array([92, 6]), np.eye(2, 3))], CONFIG)


@pytest.fixture
def checkpoint(params, tmp_path):
    card = {"schema": 1, "split": "cath-mini", "data_hash": "", "phases": []}
    card["atomic_energies"] = {str(z): -10.5 * z for z in CONFIG.elements}
    single = {k: np.asarray(v, np.float32) for k, v in params.items()}
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, Checkpoint(CONFIG, single, {k: np.ones_like(v) for k, v in single.items()}, card))
    return path


def test_convert_there_and_back(checkpoint, tmp_path):
    assert main(["convert", str(checkpoint), str(tmp_path / "a.model")]) == 0
    assert (
        main(["convert", "--trust-pickle", str(tmp_path / "a.model"), str(tmp_path / "b.safetensors")]) == 0
    )
    first, again = load_checkpoint(checkpoint), load_checkpoint(tmp_path / "b.safetensors")
    assert again.config == first.config
    assert again.card["atomic_energies"] == first.card["atomic_energies"]
    for name, value in first.params.items():
        np.testing.assert_array_equal(again.params[name], value)


def test_the_ase_calculator_loads_it_and_gives_our_energies(checkpoint, tmp_path, monkeypatch):
    assert main(["convert", str(checkpoint), str(tmp_path / "a.model")]) == 0
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # as importing mace does for its users
    from ase import Atoms
    from mace.calculators import MACECalculator

    calculator = MACECalculator(
        model_paths=str(tmp_path / "a.model"), device="cpu", default_dtype="float64"
    )
    loaded = load_checkpoint(checkpoint)
    for x in MOLECULES[:3]:
        atoms = Atoms(numbers=x.atomic_numbers, positions=x.positions, calculator=calculator)
        e0 = sum(loaded.card["atomic_energies"][str(z)] for z in x.atomic_numbers)
        (energy,), (forces,) = run(loaded.params, [x])
        assert atoms.get_potential_energy() - e0 == pytest.approx(energy, abs=1e-5)
        np.testing.assert_allclose(atoms.get_forces(), forces, atol=1e-5)


def test_atomic_energies_are_the_baseline_of_the_split(checkpoint, tmp_path, split, split_folder):
    from mfbench.protocol.energy_baseline import fit_baseline

    arguments = [str(checkpoint), str(tmp_path / "a.model"), "--split", str(split_folder)]
    assert main(["convert", *arguments]) == 0
    model = torch.load(tmp_path / "a.model", weights_only=False)
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    expected = [baseline.elements.get(z, 0.0) for z in CONFIG.elements]
    np.testing.assert_allclose(model.atomic_energies_fn.atomic_energies.numpy().ravel(), expected)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a.model", "b.safetensors", "--trust-pickle"),
        ("none.safetensors", "b.model", "does not exist"),
        ("a.safetensors", "b.pt", "name the files so"),
        ("--trust-pickle a.model", "b.safetensors", "not a ScaleShiftMACE"),
        ("--trust-pickle bad.model", "b.safetensors", "cannot be read"),
        ("a.safetensors", "b.model --split nowhere", "give --split"),
    ],
)
def test_convert_says_what_is_wrong_in_one_line(
    checkpoint, tmp_path, monkeypatch, capsys, source, target, message
):
    monkeypatch.chdir(tmp_path)
    torch.save([1.0], "a.model")
    Path("bad.model").write_bytes(b"nothing")
    assert main(["convert", *source.split(), *target.split()]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not Path("b.safetensors").exists()


def test_a_model_that_computes_something_else_is_refused(checkpoint, tmp_path, capsys):
    """The weights fit, the network does not: a repulsion term that our MACE does not have."""
    loaded = load_checkpoint(checkpoint)
    model = mace_model(loaded, {})
    model.pair_repulsion_fn = libraries.mace_modules.radial.ZBLBasis(p=5).double()
    model.pair_repulsion = True
    torch.save(model, tmp_path / "a.model")
    arguments = ["convert", "--trust-pickle", str(tmp_path / "a.model"), str(tmp_path / "b.safetensors")]
    assert main(arguments) == 2
    assert "computes something" in capsys.readouterr().err


def test_networks_of_another_architecture_are_named(checkpoint, tmp_path, capsys):
    config = replace(CONFIG, channels=2)
    loaded = load_checkpoint(checkpoint)
    other = Checkpoint(config, initial_weights(config, 0), {}, loaded.card)
    model = mace_model(other, {})
    model.interactions[1].conv_tp_weights.layer0.weight = torch.nn.Parameter(torch.zeros(3, 6))
    torch.save(model, tmp_path / "a.model")
    arguments = ["convert", "--trust-pickle", str(tmp_path / "a.model"), str(tmp_path / "b.safetensors")]
    assert main(arguments) == 2
    assert "an architecture that mfbench does not have" in capsys.readouterr().err
