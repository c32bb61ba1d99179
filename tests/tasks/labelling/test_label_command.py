"""``mfbench label``: what goes in, what comes out, and what is refused in one line."""

import shutil
import sys

import numpy as np
import pytest

from mfbench.cli import main

pytest.importorskip("ase")
pytest.importorskip("tblite")
from ase import Atoms
from ase.build import molecule
from ase.io import read, write


@pytest.fixture
def molecules(tmp_path):
    frames = []
    for name, charge in (("H2O", 0), ("CH3OH", 0), ("NH3", 0)):
        atoms = molecule(name)
        atoms.rattle(0.02, seed=3)
        atoms.info["charge"] = charge
        frames.append(atoms)
    write(tmp_path / "in.xyz", frames)
    return tmp_path


def run(folder, *arguments):
    return main(["label", str(folder / "in.xyz"), "--out", str(folder / "out.xyz"), *arguments])


def test_the_output_is_read_by_ase_with_units_and_level_in_every_header(molecules):
    from mfbench_tasks.labelling.registry import find_level

    assert run(molecules, "--level", "gfn1") == 0
    frames = read(molecules / "out.xyz", ":")
    assert [len(a) for a in frames] == [3, 6, 4]
    assert {a.info["level"] for a in frames} == {"gfn1"}
    assert frames[0].info["units"] == "positions Å, energy eV, forces eV/Å"
    label = find_level("gfn1").engine(frames[1].numbers).label(frames[1].positions)
    assert frames[1].get_potential_energy() == pytest.approx(label.energy, abs=1e-6)
    np.testing.assert_allclose(frames[1].get_forces(), label.forces, atol=1e-5)


def test_names_of_molecule_and_trajectory_stay_with_the_labels(molecules):
    """Blocked folds are made of them."""
    frames = read(molecules / "in.xyz", ":")
    frames[0].info |= {"fragment_id": "water", "trajectory_id": 'water/"hot"'}
    write(molecules / "in.xyz", frames)
    assert run(molecules, "--level", "gfn1") == 0
    named, unnamed, _ = read(molecules / "out.xyz", ":")
    assert (named.info["fragment_id"], named.info["trajectory_id"]) == ("water", "water/'hot'")
    assert "fragment_id" not in unnamed.info


def test_a_structure_that_cannot_be_labelled_is_a_row_and_exit_code_3(molecules, capsys):
    radical = Atoms("OH", [[0, 0, 0], [0, 0, 0.97]])
    write(molecules / "in.xyz", [*read(molecules / "in.xyz", ":"), radical])
    assert run(molecules, "--level", "gfn1") == 3
    said = capsys.readouterr()
    assert "1 failed" in said.out
    assert "9 electrons cannot have 0 unpaired ones" in said.err
    last = read(molecules / "out.xyz", ":")[-1]
    assert "9 electrons cannot have 0 unpaired ones" in last.info["label_failure"]
    assert last.calc is None


def test_a_finished_file_leaves_no_journal_and_resuming_it_labels_nothing(molecules, capsys):
    """A failed structure is finished too: it says why again."""
    write(molecules / "in.xyz", [*read(molecules / "in.xyz", ":"), Atoms("OH", [[0, 0, 0], [0, 0, 0.97]])])
    assert run(molecules, "--level", "gfn1") == 3
    assert sorted(p.name for p in molecules.iterdir()) == ["in.xyz", "out.xyz"]
    before = (molecules / "out.xyz").stat().st_mtime_ns
    (molecules / "out.xyz.journal").mkdir()  # of a run that was killed while it tidied up
    capsys.readouterr()
    assert run(molecules, "--level", "gfn1", "--resume") == 3
    said = capsys.readouterr()
    assert "4 structures at gfn1, 0 labelled now, 3 before, 1 failed" in said.out
    assert "9 electrons cannot have 0 unpaired ones" in said.err
    assert (molecules / "out.xyz").stat().st_mtime_ns == before
    assert sorted(p.name for p in molecules.iterdir()) == ["in.xyz", "out.xyz"]
    assert run(molecules, "--level", "gfn2", "--resume") == 2
    assert "finished, and not at gfn2" in capsys.readouterr().err
    moved = read(molecules / "in.xyz", ":")
    moved[0].positions[0, 0] += 1e-4
    write(molecules / "in.xyz", moved)
    assert run(molecules, "--level", "gfn1", "--resume") == 2
    assert "finished, and of other structures" in capsys.readouterr().err


def test_a_calculator_of_ones_own_lies_in_the_current_folder(molecules, monkeypatch, capsys):
    """As an installed command runs: the current folder is not on Python's path by itself."""
    source = "from ase.calculators.lj import LennardJones\n\nclass Own(LennardJones):\n    pass\n"
    (molecules / "own_level.py").write_text(source)
    monkeypatch.chdir(molecules)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", ".")])
    assert run(molecules, "--level", "own_level:Own", "--dry-run") == 0
    assert run(molecules, "--level", "no_level:Own", "--dry-run") == 2
    assert f"no file no_level.py in {molecules}" in capsys.readouterr().err


def test_spin_in_the_file_is_the_multiplicity(molecules):
    radical = Atoms("OH", [[0, 0, 0], [0, 0, 0.97]])
    radical.info["spin"] = 2
    write(molecules / "in.xyz", radical)
    assert run(molecules, "--level", "gfn1") == 0


def test_magnetic_moments_in_the_file_are_unpaired_electrons(molecules):
    write(molecules / "in.xyz", molecule("O2"))
    assert run(molecules, "--level", "gfn1") == 0
    assert int(read(molecules / "out.xyz").info["spin"]) == 3


def test_charge_and_spin_on_the_command_line_hold_for_every_structure(molecules):
    assert run(molecules, "--level", "gfn1", "--charge", "1", "--unpaired", "1") == 0
    assert {int(a.info["total_charge"]) for a in read(molecules / "out.xyz", ":")} == {1}


def test_a_small_molecule_from_the_pdb_format_is_read(molecules):
    write(molecules / "in.pdb", molecule("CH3OH"))
    out = molecules / "out.xyz"
    assert main(["label", str(molecules / "in.pdb"), "--level", "gfn1", "--out", str(out)]) == 0


def test_an_ase_database_is_read_with_its_charges(molecules):
    from ase.db import connect

    with connect(molecules / "in.db") as database:
        database.write(Atoms("OH", [[0, 0, 0], [0, 0, 0.97]]), total_charge=-1)
    out = molecules / "out.xyz"
    assert main(["label", str(molecules / "in.db"), "--level", "gfn1", "--out", str(out)]) == 0
    assert int(read(out).info["total_charge"]) == -1


def test_a_dry_run_projects_and_writes_nothing(molecules, capsys):
    assert run(molecules, "--level", "gfn1", "--dry-run") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("3 structures of 3 to 6 atoms at gfn1: about")
    assert second.startswith("3 labels were timed: ")
    assert sorted(p.name for p in molecules.iterdir()) == ["in.xyz"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--level", "b3lyp"], "unknown level of theory 'b3lyp'"),
        (["--level", "no_such_module:Nothing"], "there is no module 'no_such_module'"),
    ],
)
def test_a_level_that_is_not_there_is_one_line_and_exit_code_2(molecules, capsys, arguments, said):
    assert run(molecules, *arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("mopac"), reason="mopac is not installed")
def test_without_its_program_a_level_says_how_to_get_it(molecules, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(molecules))
    assert run(molecules, "--level", "pm7") == 2
    assert "apt install mopac" in capsys.readouterr().err


def test_a_file_that_holds_no_structure_and_one_that_is_missing_are_refused(molecules, capsys):
    (molecules / "in.xyz").write_text("not a structure\n")
    assert run(molecules, "--level", "gfn1") == 2
    (molecules / "in.xyz").unlink()
    assert run(molecules, "--level", "gfn1") == 2
    assert "is missing" in capsys.readouterr().err


def test_a_periodic_structure_is_refused(molecules, capsys):
    write(molecules / "in.xyz", Atoms("Ar", cell=[5, 5, 5], pbc=True))
    assert run(molecules, "--level", "gfn1") == 2
    assert "periodic" in capsys.readouterr().err
