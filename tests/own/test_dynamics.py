"""Dynamics says when a molecule breaks, conserves what should be conserved, and survives being killed."""

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.calculator import Calculator, all_changes

import mfbench
from mfbench.errors import ProtocolError
from mfbench.own.dynamics import DynamicsSettings, StabilityProbe, simulate
from mfbench.own.dynamics.stability import energy_drift, first_change
from mfbench.own.formats import read_frames
from mfbench.submission import check_run


class Springs(Calculator):
    """An elastic network; optionally the last atom is let go after some calls, or heat leaks in."""

    implemented_properties = ("energy", "forces")

    def __init__(self, atoms, snap_after=None, leak=0.0):
        super().__init__()
        self.pairs = np.transpose(np.triu_indices(len(atoms), k=1))
        self.rest = np.linalg.norm(np.subtract(*atoms.positions[self.pairs.T]), axis=-1)
        self.calls, self.snap_after, self.leak = 0, snap_after, leak

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        i, j = self.pairs.T
        apart = atoms.positions[i] - atoms.positions[j]
        distance = np.linalg.norm(apart, axis=-1)
        stiffness, rest = np.full(len(i), 30.0), self.rest
        if self.snap_after is not None and self.calls > self.snap_after:
            free = j == len(atoms) - 1
            stiffness, rest = np.where(free, -1.0, stiffness), np.where(free, 0.0, rest)
        pull = -(stiffness * (distance - rest) / distance)[:, None] * apart
        forces = np.zeros_like(atoms.positions)
        np.add.at(forces, i, pull)
        np.add.at(forces, j, -pull)
        energy = float(np.sum(stiffness * (distance - rest) ** 2) / 2)
        self.results = {"energy": energy, "forces": forces + self.leak * atoms.get_velocities()}


@pytest.fixture
def ethanol():
    atoms = molecule("CH3CH2OH")
    atoms.calc = Springs(atoms)
    return atoms


SHORT = DynamicsSettings(ps=0.2, record_fs=2.0)


def test_a_bound_molecule_is_stable_and_conserves_energy(ethanol, tmp_path):
    found = simulate(ethanol, DynamicsSettings(ps=1.0, ensemble="nve", step_fs=0.25), tmp_path / "nve")
    assert found.stable
    assert found.first_break_ps is None
    assert found.simulated_ps == pytest.approx(1.0)
    assert abs(found.drift_meV_per_atom_ps) < 0.5


def test_forces_that_are_no_gradient_show_as_drift(ethanol, tmp_path):
    ethanol.calc = Springs(ethanol, leak=0.02)
    found = simulate(
        ethanol, DynamicsSettings(ps=0.5, ensemble="nve", stop_when_broken=False), tmp_path / "x"
    )
    assert found.drift_meV_per_atom_ps > 5


def test_a_bond_that_gives_way_is_named_with_its_time(ethanol, tmp_path):
    ethanol.calc = Springs(ethanol, snap_after=60)
    found = simulate(ethanol, DynamicsSettings(ps=2.0), tmp_path / "snap")
    assert not found.stable
    assert 0.02 < found.first_break_ps < 2.0
    assert found.first_break.endswith("broke")
    assert f"H{len(ethanol)}" in found.first_break
    assert found.simulated_ps == found.first_break_ps


def test_a_new_bond_counts_as_broken_chemistry():
    two = Atoms("H2H2", [[0, 0, 0], [0, 0, 0.74], [3, 0, 0], [3, 0, 0.74]])
    met = two.positions.copy()
    met[2:] -= [2.4, 0, 0]
    frame, what = first_change(two.numbers, np.stack([two.positions, met]))
    assert frame == 1
    assert what.endswith("formed")


def test_lost_numbers_are_an_instability():
    x = np.zeros((3, 2, 3))
    x[:, 1, 2] = 0.74
    x[2] = np.nan
    assert first_change(np.array([1, 1]), x) == (2, "positions are not finite")


def test_drift_is_the_slope_per_atom():
    t = np.linspace(0, 10, 200)
    assert energy_drift(t, 5.0 + 0.003 * t, 3) == pytest.approx(1.0)


@pytest.mark.parametrize("ensemble", ["nve", "nvt"])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(ensemble, tmp_path):
    settings = DynamicsSettings(ps=0.1, record_fs=2.0, ensemble=ensemble, seed=3)

    def fresh():
        atoms = molecule("CH3CH2OH")
        atoms.calc = Springs(atoms)
        return atoms

    whole, parts = fresh(), fresh()
    simulate(whole, settings, tmp_path / "whole")

    def stop(ps, note):
        if ps > 0.04:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(parts, settings, tmp_path / "parts", tick=stop)
    with open(tmp_path / "parts" / "frames.f64", "ab") as file:
        file.write(b"torn")
    again = fresh()
    simulate(again, settings, tmp_path / "parts", resume=True)
    assert (tmp_path / "parts" / "frames.f64").stat().st_size == (
        tmp_path / "whole" / "frames.f64"
    ).stat().st_size
    np.testing.assert_allclose(again.positions, whole.positions, atol=1e-9)


def test_a_folder_belongs_to_one_simulation(ethanol, tmp_path):
    simulate(ethanol, SHORT, tmp_path / "one")
    with pytest.raises(ProtocolError, match="--resume"):
        simulate(ethanol, SHORT, tmp_path / "one")
    with pytest.raises(ProtocolError, match="another simulation"):
        simulate(ethanol, DynamicsSettings(ps=0.3), tmp_path / "one", resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x")
    with pytest.raises(ProtocolError, match="not empty"):
        simulate(ethanol, SHORT, tmp_path / "other")
    with pytest.raises(ProtocolError, match="nve, nvt"):
        DynamicsSettings(ensemble="npt")


class Rubber:
    """Springs between all pairs, at rest in the support's first configuration; with it, or without."""

    def __init__(self, stiffness):
        self.stiffness, self.name = stiffness, f"rubber-{stiffness}"

    def adapt(self, support, *, budget, seed):
        self.rest = {c.atomic_numbers.tobytes(): c.positions for c in reversed(support)}
        return self

    def predict(self, configurations):
        return [self._one(c) for c in configurations]

    def _one(self, c):
        rest = self.rest.get(c.atomic_numbers.tobytes(), c.positions)
        apart, wanted = (x[:, None] - x[None] for x in (c.positions, rest))
        r, r0 = (np.linalg.norm(v, axis=-1) + np.eye(len(c)) for v in (apart, wanted))
        pull = -self.stiffness * ((r - r0) / r)[..., None] * apart
        return mfbench.Prediction(0.25 * self.stiffness * float(((r - r0) ** 2).sum()), pull.sum(axis=1))


def test_the_harness_counts_the_molecules_that_stay_whole(split, split_folder, tmp_path, monkeypatch):
    """Stiff springs hold a molecule together, negative ones drive it apart."""
    monkeypatch.setenv("MFBENCH_DATA", str(split_folder.parent))
    asked = {"ks": [5], "draws": 1, "dynamics": StabilityProbe(0.2)}
    held = mfbench.evaluate(Rubber(20.0), split, out=tmp_path / "run", **asked)
    burst = mfbench.evaluate(Rubber(-2.0), split, **asked)
    assert held.value("stable_share", 5) == 1.0
    assert burst.value("stable_share", 5) == 0.0
    assert not burst.failures
    assert check_run(tmp_path / "run").card.costs[0].stable_share == 1.0
    again = mfbench.evaluate(Rubber(20.0), split, ks=[5], draws=1)
    assert again.find("stable_share", 5) is None
    assert "stable_share" not in again.to_json()
    with pytest.raises(ProtocolError, match="above zero"):
        StabilityProbe(0.0)


class Picky(Rubber):
    """Fails where the support's labels are of one family, and in anything but the harness's batch."""

    def __init__(self, energies, alone):
        super().__init__(20.0)
        self.energies, self.alone = energies, alone

    def adapt(self, support, *, budget, seed):
        if support and support[0].energy in self.energies:
            raise ValueError("not this family")
        return super().adapt(support, budget=budget, seed=seed)

    def predict(self, configurations):
        if len(configurations) == 1 and not self.alone:
            raise RuntimeError("one at a time is too much")
        return super().predict(configurations)


def test_what_failed_has_no_stable_trajectory(split, split_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MFBENCH_DATA", str(split_folder.parent))
    task = split.test[0]
    asked = {"ks": [5], "draws": 1, "dynamics": StabilityProbe(0.01)}
    picky = Picky({c.energy for c in task.support}, alone=True)
    found = mfbench.evaluate(picky, split, **asked)
    assert [r.family_id for r in found.failures] == [task.family_id]
    assert found.value("stable_share", 5) == pytest.approx(1 - 1 / len(split.test))
    every = Picky({c.energy for t in split.test for c in t.support}, alone=True)
    asked["ks"] = [0, 5]
    assert mfbench.evaluate(every, split, **asked, out=tmp_path / "run").value("stable_share", 5) == 0.0
    assert [cost.k for cost in check_run(tmp_path / "run").card.costs if cost.stable_share == 0.0] == [5]


def test_where_dynamics_raises_the_predictions_are_scored(split):
    with pytest.warns(UserWarning, match="no stable trajectory: dynamics: RuntimeError: one at a time"):
        found = mfbench.evaluate(
            Picky((), alone=False), split, ks=[5], draws=1, dynamics=StabilityProbe(0.01)
        )
    assert not found.failures
    assert found.value("stable_share", 5) == 0.0


def test_a_choice_that_failed_has_no_stable_trajectory(split):
    picky = Picky((), alone=True)
    picky.select = lambda pool, k: [0] * k
    asked = {"ks": [5], "draws": 1, "selector": "method", "dynamics": StabilityProbe(0.01)}
    assert mfbench.evaluate(picky, split, **asked).value("stable_share", 5) == 0.0


def test_a_run_goes_on_at_its_own_temperature_only(split, split_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MFBENCH_DATA", str(split_folder.parent))
    asked = {"ks": [5], "draws": 1, "resume": True}
    usual, warm = StabilityProbe(0.01), StabilityProbe(0.01, temperature_K=400.0)
    found = mfbench.evaluate(Rubber(20.0), split, out=tmp_path / "usual", dynamics=usual, **asked)
    # As runs were written before they named a temperature: 300 K.
    assert {name for name in found.run if name.startswith("dynamics")} == {"dynamics_ps"}
    assert check_run(tmp_path / "usual").card.costs[0].stable_share == 1.0
    with pytest.raises(ProtocolError, match="its dynamics_K is new"):
        mfbench.evaluate(Rubber(20.0), split, out=tmp_path / "usual", dynamics=warm, **asked)
    found = mfbench.evaluate(Rubber(20.0), split, out=tmp_path / "warm", dynamics=warm, **asked)
    assert found.run["dynamics_K"] == 400.0
    assert check_run(tmp_path / "warm").card.costs[0].stable_share is None, "the board's column is of 300 K"
    with pytest.raises(ProtocolError, match="temperature above zero"):
        StabilityProbe(temperature_K=0.0)


class Unsure(Springs):
    """Its error bars grow with every call."""

    def calculate(self, *args, **options):
        super().calculate(*args, **options)
        self.results["forces_uncertainty"] = np.full((len(self.atoms), 3), 0.001 * self.calls)


def test_it_stops_where_the_model_is_unsure_and_leaves_what_to_label(tmp_path):
    atoms = molecule("CH3OH")
    atoms.calc = Unsure(atoms)
    settings = DynamicsSettings(ps=0.2, record_fs=5, threshold=0.05, stop_when_unsure=True)
    found = simulate(atoms, settings, tmp_path / "a")
    assert found.first_unsure_ps == pytest.approx(found.simulated_ps)
    assert found.simulated_ps < 0.1
    assert len(ase.io.read(tmp_path / "a" / "unsure.xyz", ":")) == 1
    last = ase.io.read(tmp_path / "a" / "trajectory.xyz", "-1")
    assert (last.info["charge"], last.info["n_unpaired"]) == (0, 0)
    np.testing.assert_allclose(last.positions, atoms.positions, atol=1e-7)
    (tmp_path / "a" / "stability.json").unlink()  # killed between its last frame and its verdict
    atoms.calc = Unsure(atoms)
    assert simulate(atoms, settings, tmp_path / "a", resume=True) == found, "a run that is over stays so"
    atoms.info.update(charge=1, n_unpaired=2)
    atoms.calc = Unsure(atoms)
    simulate(atoms, settings, tmp_path / "triplet")
    (unsure,) = read_frames(tmp_path / "triplet" / "unsure.xyz").frames
    assert (unsure.charge, unsure.n_unpaired) == (1, 2)
    atoms.calc = Springs(atoms)
    with pytest.raises(ProtocolError, match="no error bars"):
        simulate(atoms, settings, tmp_path / "b")
    with pytest.raises(ProtocolError, match="needs a threshold"):
        DynamicsSettings(stop_when_unsure=True)
