"""A stranger's file is read right or refused in one line: keys, units, signs, charges, duplicates."""

from pathlib import Path

import ase.db
import ase.io
import h5py
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

import mfbench
from mfbench.data.levels import read_level_labels
from mfbench.errors import DataError
from mfbench.own.formats import read_frames
from mfbench.own.preflight import Choices, preflight
from mfbench.own.units import ENERGY_UNITS, FORCE_UNITS, LENGTH_UNITS, unit_named

LABELS = Path(__file__).parents[2] / "tasks" / "data" / "labels"
KCAL, HARTREE, BOHR = 1 / ENERGY_UNITS["kcal/mol"], 1 / ENERGY_UNITS["Hartree"], 1 / LENGTH_UNITS["Bohr"]


@pytest.fixture(scope="module")
def molecule():
    """Eighteen configurations of one anion of the benchmark."""
    split = mfbench.load_split("chemistry-mini")
    by_fragment = {}
    for c in (c for task in split.tasks for c in task.support if c.total_charge == -1 and not c.n_unpaired):
        by_fragment.setdefault(c.fragment_id, []).append(c)
    return next(found for found in by_fragment.values() if len(found) >= 18)[:18]


@pytest.fixture(scope="module")
def reference(molecule):
    """Another level of theory: right to within tens of percent, with another energy zero."""
    rng = np.random.default_rng(0)
    known = {c.positions.tobytes(): c for c in molecule}

    def predict(configurations):
        found = [known[np.round(c.positions * 2**13).astype(int).tobytes()] for c in configurations]
        energies = np.array([0.9 * c.energy + 700.0 for c in found])
        return energies, [0.88 * c.forces + rng.normal(scale=0.4, size=c.forces.shape) for c in found]

    known = {np.round(c.positions * 2**13).astype(int).tobytes(): c for c in molecule}
    return predict


def atoms_of(c, length=1.0, **info):
    return Atoms(c.atomic_numbers, c.positions * length, info=info)


def ref_keys(path, molecule):
    images = []
    for c in molecule:
        atoms = atoms_of(c, REF_energy=c.energy, charge=c.total_charge)
        atoms.arrays["REF_forces"] = c.forces
        images.append(atoms)
    ase.io.write(path / "ref.extxyz", images)
    return path / "ref.extxyz"


def kcal_gradients(path, molecule):
    images = []
    for c in molecule:
        atoms = atoms_of(c, dft_energy=c.energy * KCAL, total_charge=c.total_charge)
        atoms.arrays["gradient"] = -c.forces * KCAL
        images.append(atoms)
    ase.io.write(path / "kcal.extxyz", images)
    return path / "kcal.extxyz"


def atomic_units(path, molecule):
    images = []
    for c in molecule:
        atoms = atoms_of(c, BOHR, charge=c.total_charge)
        atoms.calc = SinglePointCalculator(
            atoms, energy=c.energy * HARTREE, forces=c.forces * HARTREE / BOHR
        )
        images.append(atoms)
    ase.io.write(path / "au.extxyz", images)
    return path / "au.extxyz"


def sgdml(path, molecule):
    np.savez(
        path / "sgdml.npz",
        z=molecule[0].atomic_numbers,
        R=np.array([c.positions for c in molecule]),
        E=np.array([c.energy for c in molecule]) * KCAL,
        F=np.array([c.forces for c in molecule]) * KCAL,
        charge=np.array(molecule[0].total_charge),
        r_unit="Ang",
        e_unit="kcal/mol",
    )
    return path / "sgdml.npz"


def spice(path, molecule):
    with h5py.File(path / "spice.h5", "w") as file:
        group = file.create_group("anion")
        group["atomic_numbers"] = molecule[0].atomic_numbers
        group["conformations"] = np.array([c.positions for c in molecule]) * BOHR
        group["conformations"].attrs["units"] = "bohr"
        group["dft_total_energy"] = np.array([c.energy for c in molecule]) * HARTREE
        group["dft_total_energy"].attrs["units"] = "hartree"
        group["dft_total_gradient"] = -np.array([c.forces for c in molecule]) * HARTREE / BOHR
        group["dft_total_gradient"].attrs["units"] = "hartree/bohr"
        group["charge"] = np.full(len(molecule), molecule[0].total_charge)
    return path / "spice.h5"


def database(path, molecule):
    with ase.db.connect(path / "own.db") as db:
        for c in molecule:
            atoms = atoms_of(c)
            atoms.calc = SinglePointCalculator(atoms, energy=c.energy, forces=c.forces)
            db.write(atoms, total_charge=c.total_charge)
    return path / "own.db"


@pytest.mark.parametrize("disguise", [ref_keys, kcal_gradients, atomic_units, sgdml, spice, database])
def test_the_same_labels_are_read_from_every_disguise(disguise, tmp_path, molecule, reference):
    found = preflight(read_frames(disguise(tmp_path, molecule)), reference).configurations
    assert len(found) == len(molecule)
    for one, true in zip(found, molecule, strict=True):
        assert one.total_charge == true.total_charge
        np.testing.assert_allclose(one.positions, true.positions, atol=1e-6)
        assert one.energy == pytest.approx(true.energy, rel=1e-6)
        np.testing.assert_allclose(one.forces, true.forces, atol=1e-5)


def test_every_line_of_the_preflight_says_how_it_is_known(tmp_path, molecule, reference):
    lines = {
        f.check: f for f in preflight(read_frames(kcal_gradients(tmp_path, molecule)), reference).findings
    }
    assert lines["energy"].found == "kcal/mol"
    assert lines["forces"].found == "kcal/mol/Å"
    assert lines["sign"].found == "gradients"
    assert "correlation" in lines["forces"].proof
    assert lines["charge"].found == "-1"
    assert lines["energy"].override == "--energy-unit"


@pytest.mark.parametrize("unit", ENERGY_UNITS)
@pytest.mark.parametrize("length", LENGTH_UNITS)
def test_no_two_units_are_taken_for_each_other(unit, length, tmp_path, molecule, reference):
    images = []
    for c in molecule:
        atoms = atoms_of(c, 1 / LENGTH_UNITS[length], energy_dft=c.energy / ENERGY_UNITS[unit], charge=-1)
        atoms.arrays["dft_forces"] = c.forces / FORCE_UNITS[f"{unit}/{length}"]
        images.append(atoms)
    ase.io.write(tmp_path / "x.extxyz", images, format="extxyz")
    lines = {f.check: f.found for f in preflight(read_frames(tmp_path / "x.extxyz"), reference).findings}
    assert (lines["energy"], lines["length"], lines["forces"]) == (unit, length, f"{unit}/{length}")


def refused(path, reference, **choices):
    with pytest.raises(DataError) as error:
        preflight(read_frames(path), reference, Choices(**choices))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_units_that_cannot_be_proved_are_asked_for(tmp_path, molecule):
    path = kcal_gradients(tmp_path, molecule)
    assert "--energy-unit" in refused(path, None)
    said = Choices(energy_unit="kcal/mol", forces_unit="kcal/(mol*Ang)")
    found = preflight(read_frames(path), None, said).configurations
    np.testing.assert_allclose(found[0].forces, molecule[0].forces, atol=1e-6)


def test_declared_units_that_the_numbers_contradict_are_refused(tmp_path, molecule, reference):
    np.savez(
        tmp_path / "wrong.npz",
        z=molecule[0].atomic_numbers,
        R=np.array([c.positions for c in molecule]),
        E=np.array([c.energy for c in molecule]),
        F=np.array([c.forces for c in molecule]),
        charge=-1,
        e_unit="kcal/mol",
    )
    assert "declares energy in kcal/mol, but they have the size of eV" in refused(
        tmp_path / "wrong.npz", reference
    )


def test_what_cannot_be_used_is_refused_in_one_line(tmp_path, molecule, reference):
    periodic = [atoms_of(c, energy_dft=c.energy) for c in molecule]
    for atoms, c in zip(periodic, molecule, strict=True):
        atoms.arrays["dft_forces"] = c.forces
        atoms.set_cell([20, 20, 20])
        atoms.pbc = True
    ase.io.write(tmp_path / "pbc.extxyz", periodic, format="extxyz")
    assert "periodic" in refused(tmp_path / "pbc.extxyz", reference)

    rivals = [atoms_of(c, ref_energy=c.energy, dft_energy=c.energy + 1) for c in molecule]
    ase.io.write(tmp_path / "two.extxyz", rivals, format="extxyz")
    with pytest.raises(DataError, match="--energy-key"):
        read_frames(tmp_path / "two.extxyz")

    ase.io.write(tmp_path / "bare.extxyz", [atoms_of(c) for c in molecule], format="extxyz")
    assert "mfbench label" in refused(tmp_path / "bare.extxyz", reference)

    (tmp_path / "empty.extxyz").write_text("")
    with pytest.raises(DataError):
        read_frames(tmp_path / "empty.extxyz")


def test_charge_must_fit_the_electrons(tmp_path, molecule, reference):
    assert "--charge" in refused(ref_keys(tmp_path, molecule), reference, charge=0)


def test_equal_frames_leave_one_and_contradicting_ones_are_refused(tmp_path, molecule, reference):
    path = ref_keys(tmp_path, [*molecule, molecule[3]])
    found = preflight(read_frames(path), reference)
    assert len(found.configurations) == len(molecule)
    assert any(f.check == "duplicates" and "1 equal" in f.found for f in found.findings)
    other = molecule[3].with_label(molecule[3].energy + 0.1, molecule[3].forces)
    assert "remove one" in refused(ref_keys(tmp_path, [*molecule, other]), reference)


def with_atoms(path, molecule, *atoms):
    """Molecules, and frames of one atom: element, energy or None, charge."""
    path = ref_keys(path, molecule)
    for name, energy, charge in atoms:
        info = {"charge": charge} | ({} if energy is None else {"REF_energy": energy})
        image = Atoms(name, info=info)
        image.arrays["REF_forces"] = np.zeros((1, 3))
        ase.io.write(path, image, format="extxyz", append=True)
    return path


def test_isolated_atoms_of_one_element_agree_or_are_refused(tmp_path, molecule, reference):
    agreeing = with_atoms(tmp_path, molecule, ("H", -13.6, 0), ("H", -13.6004, 0))
    assert preflight(read_frames(agreeing), reference).isolated_atoms == {1: -13.6}
    differing = with_atoms(tmp_path, molecule, ("H", -13.6, 0), ("H", -10.0, 0))
    assert "one H atom with energies 3.6 eV apart" in refused(differing, reference)


def test_single_atoms_that_are_not_taken_are_said(tmp_path, molecule, reference):
    path = with_atoms(tmp_path, molecule, ("H", -13.6, 0), ("H", None, 0))
    found = preflight(read_frames(path), reference)
    lines = {f.check: f.found for f in found.findings}
    assert lines["single atoms"] == "H"
    assert lines["labels"] == f"{len(molecule)} of {len(molecule) + 1} frames; the others lack a label"
    assert found.isolated_atoms == {1: -13.6}
    units = Choices(energy_unit="eV", forces_unit="eV/Å", sign="forces")
    path = with_atoms(tmp_path, molecule, ("H", -13.6, 0), ("Cl", -12500.0, -1))
    found = preflight(read_frames(path), None, units)
    assert {f.check: f.found for f in found.findings}["single atoms"] == "Cl at charge -1"
    assert len(found.configurations) == len(molecule) + 1


def test_unit_names_are_understood_as_people_write_them():
    assert unit_named("Ha", ENERGY_UNITS) == "Hartree"
    assert unit_named("kcal mol", ENERGY_UNITS) == "kcal/mol"
    assert unit_named("kcal/(mol*Ang)", FORCE_UNITS) == "kcal/mol/Å"
    assert unit_named("hartree / bohr", FORCE_UNITS) == "Hartree/Bohr"
    with pytest.raises(DataError, match="choose one of"):
        unit_named("furlong", LENGTH_UNITS)


def test_energies_and_forces_must_belong_together(tmp_path, molecule):
    """Along near pairs, without a reference: one frame after another of a slow walk."""
    rng = np.random.default_rng(1)
    first = molecule[0]
    stiff = rng.normal(size=(3 * len(first),) * 2)
    stiff = stiff @ stiff.T / len(stiff)

    def walk(factor=1.0, sign=1.0):
        found = []
        for i in range(20):
            moved = 0.01 * rng.normal(size=first.positions.shape) + 0.002 * i
            energy, forces = 0.5 * moved.ravel() @ stiff @ moved.ravel(), -(stiff @ moved.ravel())
            label = energy, sign * factor * forces.reshape(-1, 3)
            found.append(
                mfbench.Configuration(first.atomic_numbers, first.positions + moved, -1, 0, *label)
            )
        return found

    units = {"energy_unit": "eV", "forces_unit": "eV/Å"}
    good = preflight(read_frames(ref_keys(tmp_path, walk())), None, Choices(**units))
    line = next(f for f in good.findings if f.check == "consistency")
    assert line.found == "energies and forces belong together"
    assert "do not belong together" in refused(ref_keys(tmp_path, walk(2.0)), None, **units)
    assert "do not belong together" in refused(ref_keys(tmp_path, walk(sign=-1.0)), None, **units)
    said = Choices(**units, sign="forces")
    bad = preflight(read_frames(ref_keys(tmp_path, walk(2.0))), None, said)
    assert any("contradict" in f.found for f in bad.findings)


@pytest.fixture(scope="module")
def dft():
    """The molecule of the benchmark with the most DFT labels, and the network that proves their units."""
    pytest.importorskip("torch")
    from mfbench.own.frames import Frame, Frames
    from mfbench.own.references import reference_for

    folder = LABELS / "wb97x-d"
    labels = read_level_labels(folder)[1]
    found = {}
    for c in (c for task in mfbench.load_split("cath").tasks for c in task.everything):
        if c.config_id in labels:
            found.setdefault(c.fragment_id, []).append(c.with_label(*labels[c.config_id]))
    chosen = max(found.values(), key=lambda m: (len(m), m[0].fragment_id))
    assert len(chosen) >= 4
    frames = Frames(folder, tuple(Frame(c.atomic_numbers, c.positions) for c in chosen))
    return chosen, reference_for(frames, "cath-mini/pretrain", "torch")


@pytest.mark.parametrize("disguise", [ref_keys, kcal_gradients, atomic_units, sgdml, spice])
def test_dft_labels_are_read_from_five_disguises(disguise, tmp_path, dft):
    """A network trained on xTB proves units and sign of labels at another level of theory."""
    molecule, network = dft
    found = preflight(read_frames(disguise(tmp_path, molecule)), network).configurations
    assert len(found) == len(molecule)
    for one, true in zip(found, molecule, strict=True):
        assert one.total_charge == true.total_charge
        np.testing.assert_allclose(one.positions, true.positions, atol=1e-6)
        assert one.energy == pytest.approx(true.energy, rel=1e-9, abs=1e-4)
        np.testing.assert_allclose(one.forces, true.forces, atol=1e-5)
