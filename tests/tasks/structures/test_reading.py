"""Reading structures: good ones whole, bad ones refused in one line that names the file."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tblite")
struc = pytest.importorskip("biotite.structure")

from biotite.structure.io import pdb, pdbx  # noqa: E402

from mfbench.errors import StructureError  # noqa: E402
from mfbench_tasks.fragments import select  # noqa: E402
from mfbench_tasks.fragments.cut import cut, prepare  # noqa: E402
from mfbench_tasks.structures.ideal_peptide import ideal_peptide  # noqa: E402
from mfbench_tasks.structures.read import entry_id, find_structure, read_structure  # noqa: E402

SEQUENCE = ("ALA", "SER", "ASP", "VAL", "GLY")


@pytest.fixture(scope="module")
def peptide():
    return ideal_peptide(SEQUENCE)


def as_pdb(atoms) -> str:
    file = pdb.PDBFile()
    file.set_structure(atoms)
    return str(file) + "\n"


def write_cif(path: Path, atoms) -> Path:
    file = pdbx.CIFFile()
    pdbx.set_structure(file, atoms, data_block="TEST")
    file.write(path)
    return path


def fragments(atoms):
    atoms = prepare(atoms)
    chain = select.chain_residues(atoms, "A")
    return [
        cut(atoms, s.atoms, kind=s.kind, motif=s.motif, pdb_id="test", residues=s.residues)
        for s in select.residues(chain)
    ]


def test_pdb_and_mmcif_plain_and_gzipped_give_the_same_fragments(peptide, tmp_path):
    (tmp_path / "a.pdb").write_text(as_pdb(peptide))
    (tmp_path / "a.pdb.gz").write_bytes(gzip.compress(as_pdb(peptide).encode()))
    cif = write_cif(tmp_path / "a.cif", peptide)
    (tmp_path / "a.cif.gz").write_bytes(gzip.compress(cif.read_bytes()))
    expected = fragments(read_structure(tmp_path / "a.pdb"))
    assert [f.motif for f in expected] == ["residue:SER", "residue:ASP", "residue:VAL"]
    assert [f.total_charge for f in expected] == [0, -1, 0]
    assert [len(f) for f in expected] == [23, 24, 28]
    for name in ("a.pdb.gz", "a.cif", "a.cif.gz"):
        for one, other in zip(fragments(read_structure(tmp_path / name)), expected, strict=True):
            assert np.array_equal(one.atomic_numbers, other.atomic_numbers)
            # Hydrogens of methyls may turn; heavy atoms may not.
            heavy = one.atomic_numbers > 1
            assert np.allclose(one.positions[heavy], other.positions[heavy], atol=2e-3)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.pdb", b"", "empty"),
        ("x.cif", b"\n\n", "empty"),
        ("x.pdb.gz", b"", "empty"),
        ("x.pdb", b"<html>not found</html>\n", "not a PDB"),
        ("x.cif", b"<html>not found</html>\n", "mmCIF"),
        ("x.pdb", b"\xff\xfe\x00\x81 binary", "cannot be read"),
        ("x.pdb.gz", b"plain text", "cannot be read"),
        ("x.cif", b"data_X\nloop_\n_atom_site.id\n_atom_site.type_symbol\n1 C\n2\n", "mmCIF"),
        (
            "x.pdb",
            b"ATOM      1  N   ALA A   1      xx.xxx  yy.yyy  zz.zzz  1.00  0.00\n",
            "PDB",
        ),
    ],
)
def test_bad_files_are_refused_in_one_line_that_names_them(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(StructureError) as caught:
        read_structure(path)
    message = str(caught.value)
    assert name in message
    assert says in message
    assert "\n" not in message


def test_truncated_files_are_refused(peptide, tmp_path):
    text = as_pdb(peptide)
    cut_at = text.index(" CA  VAL") + 25  # inside the coordinates of an atom line
    (tmp_path / "t.pdb").write_text(text[:cut_at])
    packed = gzip.compress(text.encode())
    (tmp_path / "t.pdb.gz").write_bytes(packed[: len(packed) // 2])
    cif = write_cif(tmp_path / "whole.cif", peptide).read_text()
    (tmp_path / "t.cif").write_text(cif[: cif.index("VAL")])
    for name in ("t.pdb", "t.pdb.gz", "t.cif"):
        with pytest.raises(StructureError, match=r"t\.(pdb|cif)"):
            read_structure(tmp_path / name)


def test_a_missing_file_and_an_unknown_entry_are_named(tmp_path):
    with pytest.raises(StructureError, match=r"9zzz\.cif"):
        read_structure(tmp_path / "9zzz.cif")
    with pytest.raises(StructureError, match="9zzz"):
        find_structure(tmp_path, "9zzz")


@pytest.mark.parametrize("name", ["1agy.cif", "1AGY.cif.gz", "pdb1agy.ent.gz", "1agy.ent", "1agy.mmcif"])
def test_the_entry_is_known_by_its_files_name(tmp_path, name):
    (tmp_path / name).touch()
    assert entry_id(find_structure(tmp_path, "1agy")) == "1agy"


def test_the_alternative_location_with_the_highest_occupancy_stays(peptide, tmp_path):
    lines = []
    for line in as_pdb(peptide).splitlines():
        if line[12:16].strip() == "OG" and line.startswith("ATOM"):
            x = float(line[30:38])
            lines.append(f"{line[:16]}A{line[17:30]}{x:8.3f}{line[38:54]}  0.30{line[60:]}")
            lines.append(f"{line[:16]}B{line[17:30]}{x + 0.25:8.3f}{line[38:54]}  0.70{line[60:]}")
        else:
            lines.append(line)
    (tmp_path / "alt.pdb").write_text("\n".join(lines) + "\n")
    atoms = read_structure(tmp_path / "alt.pdb")
    found = atoms.coord[atoms.atom_name == "OG"]
    expected = peptide.coord[peptide.atom_name == "OG"][0] + [0.25, 0, 0]
    assert found.shape == (1, 3)
    assert np.allclose(found[0], expected, atol=2e-3)
    assert len(fragments(atoms)) == 3


def test_insertion_codes_keep_residues_apart(peptide, tmp_path):
    inserted = peptide.copy()
    third = inserted.res_id == 3
    inserted.res_id[third] = 2
    inserted.ins_code[third] = "A"
    (tmp_path / "ins.pdb").write_text(as_pdb(inserted))
    atoms = read_structure(tmp_path / "ins.pdb")
    chain = select.chain_residues(prepare(atoms), "A")
    assert [r.label for r in chain] == ["A1", "A2", "A2A", "A4", "A5"]
    assert [f.residues for f in fragments(atoms)] == ["A2", "A2A", "A4"]


def test_a_residue_with_missing_atoms_is_not_cut_but_its_neighbours_are(peptide, tmp_path):
    gone = (peptide.res_id == 3) & (peptide.atom_name == "OD2")
    (tmp_path / "gap.pdb").write_text(as_pdb(peptide[~gone]))
    atoms = read_structure(tmp_path / "gap.pdb")
    assert [f.motif for f in fragments(atoms)] == ["residue:SER", "residue:VAL"]
    chain = select.chain_residues(prepare(atoms), "A")
    with pytest.raises(StructureError, match="ASP A3 has no atom OD2"):
        chain[2].atoms("OD1", "OD2")


def test_a_gap_in_the_chain_is_not_bridged(peptide, tmp_path):
    (tmp_path / "gap.pdb").write_text(as_pdb(peptide[peptide.res_id != 3]))
    assert fragments(read_structure(tmp_path / "gap.pdb")) == []


def test_a_chain_that_does_not_exist_is_named(peptide):
    with pytest.raises(StructureError, match="no chain B"):
        select.chain_residues(prepare(peptide), "B")


def test_hydrogens_of_atoms_that_overlap_are_given_up_in_bounded_time(peptide):
    copy = peptide.copy()
    copy.res_id += 10
    copy.coord[:, 0] += 0.01
    atoms = prepare(struc.concatenate([peptide, copy]))
    pairs = list(select.contacts(select.chain_residues(atoms, "A"), atoms.coord))
    twin = next(s for s in pairs if s.residues == "A14-A4")
    with pytest.raises(StructureError, match="A14-A4: its hydrogens find no rest"):
        cut(atoms, twin.atoms, kind=twin.kind, motif=twin.motif, pdb_id="test", residues=twin.residues)


@pytest.mark.skipif("MFBENCH_STRUCTURES" not in os.environ, reason="needs real entries")
def test_real_entries_read_and_give_every_kind():
    folder = Path(os.environ["MFBENCH_STRUCTURES"])
    atoms = prepare(read_structure(find_structure(folder, "1agy")))
    chain = select.chain_residues(atoms, "A")
    assert len(list(select.residues(chain))) > 100
    assert len(list(select.contacts(chain, atoms.coord))) > 50
    assert len(list(select.hbonds(chain, atoms.coord))) > 50
