"""Odd but legal structure files: what is read of each, feature by feature. All are made here."""

import gzip
from dataclasses import dataclass

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from mfbench.errors import StructureError
from mfbench_tasks.structures.read import find_structure, read_structure


def atom(  # one PDB line; a test changes what it is about
    name, residue, place, x, *, record="ATOM", alt=" ", occupancy="  1.00", element=None, tail=None, ins=" "
):
    chain, number = place[:-4], place[-4:]
    tail = f"{occupancy:6s} 10.00          {element or name[0]:>2s}" if tail is None else tail
    where = f"{alt}{residue:>3s}{chain:>2s}{number}{ins}"
    return f"{record:6s}    1  {name:3s}{where}   {x:8.3f}   0.000   0.000{tail}"


def residue(name, place, x=0.0, **more):
    return [atom(a, name, place, x + i, **more) for i, a in enumerate(("N", "CA", "C", "O", "CB"))]


ALA1, SER2, GLY3 = residue("ALA", "A   1"), residue("SER", "A   2", 5.0), residue("GLY", "A   3", 10.0)[:4]
PLAIN = [*ALA1, *SER2]
READ = "A1 ALA, A2 SER"
DEFAULTS = {
    "group_PDB": "ATOM", "type_symbol": "C", "label_atom_id": ".", "label_alt_id": ".",
    "label_comp_id": ".", "label_asym_id": ".", "label_seq_id": ".", "auth_seq_id": ".",
    "auth_asym_id": ".", "pdbx_PDB_ins_code": "?", "occupancy": "1.0", "Cartn_x": "0", "Cartn_y": "0",
    "Cartn_z": "0", "pdbx_PDB_model_num": "1",
}  # fmt: skip


def mmcif(rows, *, without=(), end="\n"):
    """An mmCIF text; rows give name, residue, label chain and number, author's number and chain, x."""
    kept = [c for c in DEFAULTS if c not in without]
    lines = ["data_MADE", "loop_", *(f"_atom_site.{c}" for c in kept)]
    for row in rows:
        lines.append(" ".join(str((DEFAULTS | row)[c]) for c in kept))
    return end.join([*lines, "#", ""])


def row(name, comp="ALA", asym="A", seq="1", auth=None, chain=None, x=0.0, **more):
    labels = dict(label_atom_id=name, type_symbol=name[0], label_comp_id=comp, label_asym_id=asym)
    author = dict(auth_seq_id=seq if auth is None else auth, auth_asym_id=chain or asym)
    return {**labels, **author, "label_seq_id": seq, "Cartn_x": x, **more}


CIF_WATER = dict(comp="HOH", asym="B", seq=".", group_PDB="HETATM")
CIF = [row("N"), row("CA"), row("N", "SER", seq="2"), row("CA", "SER", seq="2")]


@dataclass(frozen=True)
class Odd:
    """A feature, a file that has it, and what is read: residues, count of atoms, x of named atoms."""

    feature: str
    text: str | list[str] | bytes
    residues: str = READ
    atoms: int = 10
    x: tuple = ()
    file: str = "made.pdb"

    @property
    def content(self) -> bytes:
        text = "\n".join([*self.text, ""]) if isinstance(self.text, list) else self.text
        return text if isinstance(text, bytes) else text.encode()


def copies(names, occupancies, record="ATOM"):
    """PLAIN with SER's CB in several copies, a tenth of an Å apart."""
    found = [
        atom("CB", "SER", "A   2", 9 + i / 10, alt=n, occupancy=o)
        for i, (n, o) in enumerate(zip(names, occupancies, strict=True))
    ]
    return [*ALA1, *SER2[:4], *found]


SER_OR_THR = [
    *ALA1,
    *residue("SER", "A   2", 5.0, alt="A", occupancy="  0.52"),
    *residue("THR", "A   2", 5.1, alt="B", occupancy="  0.48"),
    atom("CG2", "THR", "A   2", 9.0, alt="B", occupancy="  0.48"),
]
FRAME_2 = [line[:30] + f"{float(line[30:38]) + 4:8.3f}" + line[38:] for line in PLAIN]
MINUS = [*residue("ALA", "A  -1"), *residue("SER", "A   0", 5.0)]
WATER = atom("O", "HOH", "W   1", 30)
CALCIUM = atom("CA", "CA", "A   9", 40, record="HETATM")
LIGAND = [atom("C1", "LIG", "A 101", 20.0, record="HETATM")]
EMPTY = "data_X\n_cell.length_a 1\n"
LOWER = mmcif(CIF).replace("_atom_site.C", "_atom_site.c")
TABLE = [
    Odd("locations A and B", copies("AB", ["  0.30", "  0.70"]), x=(("CB", 9.1),)),
    Odd("locations 1 and 2", copies("12", ["  0.70", "  0.30"]), x=(("CB", 9.0),)),
    Odd("locations of a sign and a letter", copies("'a", ["  0.40", "  0.60"]), x=(("CB", 9.1),)),
    Odd("locations of equal occupancy", copies("BA", ["  0.50", "  0.50"]), x=(("CB", 9.1),)),
    Odd("locations without occupancy", copies("XY", ["", ""]), x=(("CB", 9.0),)),
    Odd("locations whose names were lost", copies("  ", ["  0.43", "  0.57"]), x=(("CB", 9.1),)),
    Odd("a location that is there alone", copies("B", ["  0.40"]), x=(("CB", 9.0),)),
    Odd("two residues in one place", SER_OR_THR, x=(("CB", 9.0),)),
    Odd("insertion codes", [*ALA1, *residue("SER", "A   1", 5.0, ins="A")], "A1 ALA, A1A SER"),
    Odd("negative numbers and zero", MINUS, "A-1 ALA, A0 SER"),
    Odd("hybrid-36 numbers", [*ALA1, *residue("SER", "AA000", 5.0)], "A1 ALA, A10000 SER"),
    Odd("no columns after z", [line[:54] for line in PLAIN]),
    Odd("no element columns", [line[:66] for line in PLAIN]),
    Odd("an entry's id where elements are", [line[:66] + "      1ABC 12" for line in PLAIN]),
    Odd("empty occupancy", [line[:54] + " " * 6 + line[60:] for line in PLAIN]),
    Odd("occupancy that is no number, of one copy", [line[:54] + "******" + line[60:] for line in PLAIN]),
    Odd("serial numbers that overflow", [line[:6] + "*****" + line[11:] for line in PLAIN]),
    Odd("TER", [*ALA1, "TER", *SER2, "TER", "END"]),
    Odd("no TER, several chains", [*ALA1, *residue("SER", "B   1", 5.0)], "A1 ALA, B1 SER"),
    Odd("frames by MODEL", ["MODEL        1", *PLAIN, "ENDMDL", "MODEL        2", *FRAME_2, "ENDMDL"]),
    Odd("frames by END alone", [*PLAIN, "END", *FRAME_2, "END"], x=(("N", 0.0),)),
    Odd("frames by END that differ in atoms", [*PLAIN, "END", *FRAME_2, *GLY3], x=(("N", 0.0),)),
    Odd("frames by ENDMDL alone", [*PLAIN, "ENDMDL", *FRAME_2, "ENDMDL", "END"], x=(("N", 0.0),)),
    Odd("models that differ in atoms", ["MODEL  1", *PLAIN, "ENDMDL", "MODEL  2", *FRAME_2, *GLY3]),
    Odd("a ligand after END", [*PLAIN, "END", *LIGAND, "END"], f"{READ}, A101 LIG", 11),
    Odd("hydrogen and deuterium", [*PLAIN, atom("H", "SER", "A   2", 6), atom("D", "SER", "A   2", 7)]),
    Odd("hydrogens of one name", [*PLAIN, *2 * [atom("H", "SER", "A   2", 6)]]),
    Odd("deuterium without elements", [*PLAIN, atom("DB1", "SER", "A   2", 7)[:66]]),
    Odd("blank chain", [*residue("ALA", "    1"), *residue("SER", "    2", 5.0)], "1 ALA, 2 SER"),
    Odd("chain of two letters", [*ALA1, *residue("SER", "BA   1", 5.0)], "A1 ALA, BA1 SER"),
    Odd("chain of a digit", [line[:21] + "1" + line[22:] for line in PLAIN], "11 ALA, 12 SER"),
    Odd("residue name of four letters", [*PLAIN, atom("C1", "LIG", "X    9", 20)], f"{READ}, 9 LIGX", 11),
    Odd("waters numbered in circles", [*PLAIN, *2 * [WATER]], f"{READ}, W1 HOH", 12),
    Odd("an ion without element", [*PLAIN, CALCIUM[:66]], f"{READ}, A9 CA", 11),
    Odd("lower-case names", [line.lower() for line in PLAIN], "a1 ALA, a2 SER"),
    Odd(
        "a simulation program's isoleucine",
        [*ALA1, atom("CD", "ILE", "A   2", 9.0)],
        "A1 ALA, A2 ILE",
        6,
        x=(("CD1", 9.0),),
    ),
    Odd("CRLF", "\r\n".join([*PLAIN, "END", ""])),
    Odd("a byte-order mark", b"\xef\xbb\xbf" + "\n".join(PLAIN).encode()),
    Odd("a Latin-1 letter in a remark", b"REMARK   1 AUTH   M\xdcLLER\n" + "\n".join(PLAIN).encode()),
    Odd("gzipped", gzip.compress("\n".join(PLAIN).encode()), file="made.ent.gz"),
    Odd("mmCIF", mmcif(CIF), atoms=4, file="made.cif"),
    Odd("mmCIF, gzipped", gzip.compress(mmcif(CIF).encode()), atoms=4, file="made.cif.gz"),
    Odd("mmCIF, CRLF", mmcif(CIF, end="\r\n"), atoms=4, file="made.cif"),
    Odd(
        "mmCIF, columns that nothing needs are absent",
        mmcif(CIF, without=("pdbx_PDB_ins_code", "occupancy", "label_alt_id", "pdbx_PDB_model_num")),
        atoms=4,
        file="made.cif",
    ),
    Odd("mmCIF, no elements", mmcif(CIF, without=("type_symbol", "group_PDB")), atoms=4, file="made.cif"),
    Odd(
        "mmCIF, author's ids before labels",
        mmcif([row("N", auth="7", chain="H"), row("CA", auth="7", chain="H", pdbx_PDB_ins_code="B")]),
        "H7 ALA, H7B ALA",
        2,
        file="made.cif",
    ),
    Odd(
        "mmCIF, labels where the author gives none",
        mmcif([*CIF, *2 * [row("O", **CIF_WATER)]], without=("auth_seq_id", "auth_asym_id")),
        f"{READ}, B1 HOH, B2 HOH",
        6,
        file="made.cif",
    ),
    Odd(
        "mmCIF, locations in digits",
        mmcif([row("N", x=i, label_alt_id=i, occupancy=o) for i, o in ((1, 0.2), (2, 0.8))]),
        "A1 ALA",
        1,
        x=(("N", 2.0),),
        file="made.cif",
    ),
    Odd(
        "mmCIF, models in any order",
        mmcif([row(n, pdbx_PDB_model_num=m) for n, m in (("N", 3), ("N", 1), ("CA", 3))]),
        "A1 ALA",
        2,
        file="made.cif",
    ),
    Odd("mmCIF, chain of four letters", mmcif([row("N", chain="AbC1")]), "AbC11 ALA", 1, file="made.cif"),
    Odd("mmCIF, item names in other case", LOWER, atoms=4, file="made.mmcif"),
    Odd("mmCIF, a first block without atoms", EMPTY + mmcif(CIF), atoms=4, file="made.cif"),
]  # fmt: skip


def residues_of(atoms) -> str:
    labels = [
        f"{c}{n}{i} {r}"
        for c, n, i, r in zip(atoms.chain_id, atoms.res_id, atoms.ins_code, atoms.res_name, strict=True)
    ]
    return ", ".join(dict.fromkeys(labels))


@pytest.mark.parametrize("odd", TABLE, ids=lambda odd: odd.feature)
def test_what_is_read_of_an_odd_file(odd, tmp_path):
    (tmp_path / odd.file).write_bytes(odd.content)
    atoms = read_structure(tmp_path / odd.file)
    assert residues_of(atoms) == odd.residues
    assert atoms.array_length() == odd.atoms
    assert set(atoms.element) <= {"C", "N", "O", "CA"}
    for name in atoms.atom_name:
        assert name in ("N", "CA", "C", "O", "CB", "CG2", "CD1", "C1")
    for name, x in odd.x:
        assert atoms.coord[atoms.atom_name == name][-1 if name == "CB" else 0, 0] == pytest.approx(x)


@pytest.mark.parametrize(
    ("why", "lines", "says"),
    [
        ("a chain is there twice", [*PLAIN, *FRAME_2], "N of ALA A1 is there twice"),
        ("occupancies decide, one is none", copies("AB", ["  0.50", "   x"]), "occupancy of CB of SER A2"),
        ("a number that is none", [line.replace("A   2", "A****") for line in PLAIN], "'ATOM"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(why, lines, says, tmp_path):
    (tmp_path / "made.pdb").write_text("\n".join(lines))
    with pytest.raises(StructureError, match="made.pdb") as caught:
        read_structure(tmp_path / "made.pdb")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["1abc.cif", "1ABC.cif.gz", "1abc.PDB", "pdb1abc.ent.gz", "entries/1abc.mmcif", "ab/pdb1abc.ent"],
)
def test_an_entry_is_found_under_the_names_that_archives_give_it(name, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert find_structure(tmp_path, "1ABC") == tmp_path / name
