"""An adapted model in mace-torch's own calculator: the same total energies and forces."""

import numpy as np
import pytest
from ase import Atoms

pytest.importorskip("torch")

import mfbench
from mfbench.cli import main
from mfbench.own.adapt import adapt
from mfbench.own.energy_zero import elements_alone
from mfbench.protocol.energy_baseline import EnergyBaseline

ZERO = -4321.5


@pytest.fixture(scope="module")
def anion():
    """Configurations of one anion, in another program's zero."""
    split = mfbench.load_split("chemistry-mini")
    found = {}
    for c in (c for task in split.tasks for c in task.support if c.total_charge == -1 and not c.n_unpaired):
        found.setdefault(c.fragment_id, []).append(c)
    chosen = min(found.values(), key=lambda m: len(m[0]))
    return [c.with_label(c.energy + ZERO, c.forces) for c in chosen[:8]]


def test_mace_torch_gives_the_same_energies_and_forces(anion, tmp_path, capsys, monkeypatch):
    # As importing mace does for the whole process; taken back after the test.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    from mace.calculators import MACECalculator

    model = adapt(anion, "chemistry-mini/pretrain", backend="torch", steps=4)
    model.save(tmp_path / "model")
    capsys.readouterr()  # what mace says when it is imported
    assert main(["convert", str(tmp_path / "model"), str(tmp_path / "mace.model")]) == 0
    paths = capsys.readouterr().out.split()
    assert [p.rpartition("/")[2] for p in paths] == ["mace-1.model", "mace-2.model", "mace-3.model"]
    theirs = MACECalculator(model_paths=paths, device="cpu", default_dtype="float64")
    for c in anion[:2]:
        atoms = Atoms(c.atomic_numbers, c.positions)
        atoms.calc = theirs
        (ours,) = model.predict([c])
        assert atoms.get_potential_energy() == pytest.approx(ours.energy, abs=2e-3)
        np.testing.assert_allclose(atoms.get_forces(), ours.forces, atol=2e-4)
        assert abs(ours.energy - c.energy) < 1.0, "the zero is that of the labels"


def test_charges_are_shared_out_among_elements_or_refused():
    def molecule(numbers, charge):
        return mfbench.Configuration(np.array(numbers), np.eye(len(numbers), 3), charge)

    baseline = EnergyBaseline({1: -10.0, 8: -100.0}, anion=3.0, cation=-2.0)
    water, hydroxide = molecule([8, 1, 1], 0), molecule([8, 1], -1)
    alone = EnergyBaseline(elements_alone(baseline, [water, hydroxide]))
    np.testing.assert_allclose(alone.energies([water, hydroxide]), baseline.energies([water, hydroxide]))
    assert elements_alone(baseline, [water, molecule([8, 1, 1], 1)]) is None
