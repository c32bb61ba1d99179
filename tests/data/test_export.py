"""``data export``: what another program reads is what was stored."""

import numpy as np
import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.elements import symbol
from mfbench.data.extxyz import frame


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "deep" / "xyz"
    assert main(["data", "export", str(small), "--format", "extxyz", "--out", str(out)]) == 0
    return out


def test_there_is_one_file_a_family_and_role(exported):
    names = {str(path.relative_to(exported)) for path in exported.rglob("*.extxyz")}
    assert len(names) == 15
    assert {"train/1.10.510.support.extxyz", "test/4.10.410.heldout.extxyz"} <= names
    assert not exported.with_name("xyz.partial").exists()


def test_units_are_stated(exported):
    text = (exported / "README.txt").read_text()
    assert all(unit in text for unit in ("Å", "eV", "eV/Å", "GFN2-xTB (gas phase)", "CC-BY-4.0"))


def test_ase_reads_exactly_what_was_stored(exported, small):
    ase_io = pytest.importorskip("ase.io")
    for task in mfbench.load_split(small).test:
        for role in ("support", "query", "heldout"):
            frames = ase_io.read(exported / "test" / f"{task.family_id}.{role}.extxyz", index=":")
            stored = getattr(task, role)
            assert len(frames) == len(stored)
            for atoms, c in zip(frames, stored, strict=True):
                assert np.array_equal(atoms.numbers, c.atomic_numbers)
                assert np.array_equal(atoms.positions, c.positions)
                assert np.array_equal(atoms.get_forces(), c.forces)
                assert atoms.get_potential_energy() == c.energy
                assert atoms.info["total_charge"] == c.total_charge
                assert atoms.info["spin"] == c.n_unpaired + 1
                assert atoms.info["config_id"] == c.config_id
                assert not atoms.pbc.any()


def test_symbols_are_those_of_the_periodic_table():
    data = pytest.importorskip("ase.data")
    assert [symbol(z) for z in range(1, 119)] == data.chemical_symbols[1:]


def test_a_frame_counts_its_atoms(small):
    c = mfbench.load_split(small).test[0].query[0]
    lines = frame(c).splitlines()
    assert lines[0] == str(len(c)) == str(len(lines) - 2)


def test_nothing_is_overwritten(exported, small, capsys):
    before = (exported / "README.txt").stat().st_mtime_ns
    assert main(["data", "export", str(small), "--out", str(exported)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert (exported / "README.txt").stat().st_mtime_ns == before


def test_an_empty_folder_is_filled_and_a_file_is_not_replaced(small, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["data", "export", str(small), "--out", str(tmp_path / "file")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["data", "export", str(small), "--out", str(tmp_path / "empty")]) == 0
    assert (tmp_path / "empty" / "README.txt").is_file()


def test_another_format_is_refused(small, tmp_path, capsys):
    assert main(["data", "export", str(small), "--format", "pdb", "--out", str(tmp_path / "x")]) == 2
    assert "unknown format 'pdb'" in capsys.readouterr().err


def test_labels_of_one_molecule_at_another_level_are_taken_out(tmp_path, capsys):
    """The DFT labels of a molecule of the benchmark, as a program of one's own would read them."""
    ase_io = pytest.importorskip("ase.io")
    asked = ["data", "export", "cath", "--level", "wb97x-d", "--fragment", "2v3v.c.A163-A339.9a"]
    assert main([*asked, "--out", str(tmp_path / "dft")]) == 0
    files = sorted(path.name for path in (tmp_path / "dft").rglob("*.extxyz"))
    assert files == ["2.20.25.query.extxyz", "2.20.25.support.extxyz"]
    found = ase_io.read(tmp_path / "dft" / "test" / "2.20.25.support.extxyz", ":")
    stored = {c.config_id: c for t in mfbench.load_split("cath", level="wb97x-d").test for c in t.support}
    assert len(found) >= 5
    for atoms in found:
        assert atoms.info["fragment_id"] == "2v3v.c.A163-A339.9a"
        assert atoms.get_potential_energy() == stored[atoms.info["config_id"]].energy
    assert main([*asked[:-1], "nobody", "--out", str(tmp_path / "none")]) == 2
    assert "holds no labels of the molecule 'nobody'" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
