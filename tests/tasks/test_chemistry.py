"""The chemistry construction: charges, protonation, coordination, spins, and its tables."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

import biotite.structure as struc
from biotite.structure import info

import mfbench
from mfbench.data.molecular_graph import bonds, graph_id, graph_name
from mfbench_tasks.build.chemistry_candidates import chemistry_jobs
from mfbench_tasks.families.chemistry import (
    ChemistryFamily,
    Place,
    load_families,
    load_places,
    with_overrides,
)
from mfbench_tasks.families.find_chemistry import limit_places, scan_entry
from mfbench_tasks.fragments import select_ligands, select_modified, select_sites
from mfbench_tasks.fragments.building_blocks import Entry
from mfbench_tasks.fragments.cut import cut
from mfbench_tasks.fragments.modify import modify, substitute
from mfbench_tasks.fragments.protonate import prepare_chemistry
from mfbench_tasks.fragments.torsions import find_moves, random_move
from mfbench_tasks.labelling.tblite import Gfn2, Label
from mfbench_tasks.recipes.recipe import load_recipe
from mfbench_tasks.sampling import gates
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.sampling.label_trajectory import LabelledFragment, label_trajectory
from mfbench_tasks.sampling.role import Role
from mfbench_tasks.sampling.trajectories import Trajectory
from mfbench_tasks.structures.ideal_peptide import ideal_peptide

TABLES = Path(__file__).parents[2] / "tasks" / "families"
RECIPE = load_recipe(TABLES.parent / "recipes" / "cath-mini.yaml")
TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3.0)


def residue(name, number, drop=("OXT",)):
    """Heavy atoms of a dictionary entry, as a structure file gives them."""
    atoms = info.residue(name)
    atoms = atoms[(atoms.element != "H") & ~np.isin(atoms.atom_name, drop)]
    atoms.bonds = None
    atoms.del_annotation("charge")
    atoms.chain_id[:], atoms.res_id[:] = "A", number
    atoms.hetero[:] = name not in ("CYS", "HIS", "LYS")
    return atoms


def site(ligands):
    """Zinc at the origin, each ligand (residue, donor) outside, its donor at 2.2 Å."""
    zinc = residue("ZN", 100)
    zinc.coord[:] = 0.0
    parts = []
    for number, ((name, donor), direction) in enumerate(zip(ligands, TETRAHEDRON, strict=True), start=1):
        atoms = residue(name, number)
        i = int(np.flatnonzero(atoms.atom_name == donor)[0])
        ring = np.isin(atoms.atom_name, ("CG", "CD2", "CE1", "ND1", "NE2"))
        inner = atoms.coord[ring].mean(axis=0) if name == "HIS" else atoms.coord.mean(axis=0)
        outward = (inner - atoms.coord[i]) / np.linalg.norm(inner - atoms.coord[i])
        axis, angle = np.cross(outward, direction), np.arccos(outward @ direction)
        turn = struc.rotate_about_axis(atoms.coord - atoms.coord[i], axis, angle)
        atoms.coord = turn + 2.2 * direction
        parts.append(atoms)
    return struc.concatenate([*parts, zinc])


LIGANDS = (("CYS", "SG"), ("CYS", "SG"), ("HIS", "NE2"), ("HIS", "ND1"))


@pytest.fixture(scope="module")
def entry():
    return Entry(prepare_chemistry(site(LIGANDS)))


@pytest.fixture(scope="module")
def zinc(entry):
    anchor = len(entry.starts) - 2
    selection = next(select_sites.variants(entry, anchor, np.random.default_rng(0), 1))
    return cut(
        entry.atoms, selection.atoms, kind="site", motif=selection.motif, pdb_id="test",
        residues=selection.residues, metal_charge=2,
    )  # fmt: skip


def test_a_zinc_site_keeps_all_ligands_with_the_right_charge_and_protons(entry, zinc):
    anchor = len(entry.starts) - 2
    assert select_sites.signature(entry, select_sites.core_of(entry, anchor)) == "CCHH"
    assert len(zinc) == 35
    assert zinc.total_charge == 0
    assert sorted(zinc.atomic_numbers[zinc.coordination[:, 1]]) == [7, 7, 16, 16]
    gates.check_cut(zinc)  # parity, bonds, clashes, every ligand in reach


@pytest.mark.parametrize(("donor", "other"), [("NE2", "ND1"), ("ND1", "NE2")])
def test_a_bound_histidine_has_its_proton_on_the_other_nitrogen(entry, donor, other):
    atoms = entry.atoms
    number = 3 if donor == "NE2" else 4
    selection = np.flatnonzero((atoms.res_id == number) & (atoms.res_name == "HIS"))
    selection = selection[~np.isin(atoms.atom_name[selection], ("N", "CA", "C", "O"))]
    fragment = cut(atoms, selection, kind="site", motif="", pdb_id="test", residues="")
    assert len(fragment) == 12  # methylimidazole
    near = {
        name: np.linalg.norm(
            fragment.positions[fragment.atomic_numbers == 1] - atoms.coord[entry.named(number - 1)[name]],
            axis=1,
        ).min()
        for name in (donor, other)
    }
    assert near[other] < 1.1 < 1.8 < near[donor]


def test_moves_never_break_a_site(zinc):
    moves = find_moves(zinc.atomic_numbers, zinc.bonds, zinc.coordination)
    held = np.unique(zinc.coordination)
    for seed in range(30):
        moved = random_move(
            zinc.positions, moves, np.random.default_rng(seed), torsion_deg=60, shift=0.5, turn_deg=30
        )
        assert np.allclose(moved[held], zinc.positions[held])
    ethanol = np.array([[0, 1], [1, 2]])
    assert len(find_moves(np.array([6, 6, 8]), ethanol).molecules) == 1


def test_a_ligand_that_leaves_is_no_longer_intact(zinc):
    metal, sulfur = next(p for p in zinc.coordination if zinc.atomic_numbers[p[1]] == 16)
    away = zinc.positions.copy()
    part = [i for i in range(len(zinc)) if i == sulfur or any({i, sulfur} == set(b) for b in zinc.bonds)]
    carbon = next(i for i in part if i != sulfur)
    thiolate = [*part, *(int(b[b != carbon][0]) for b in zinc.bonds if carbon in b and sulfur not in b)]
    away[thiolate] += 2.0 * (away[sulfur] - away[metal]) / np.linalg.norm(away[sulfur] - away[metal])
    assert gates.intact(zinc, zinc.positions)
    assert not gates.intact(zinc, away)
    with pytest.raises(Rejection, match="ligand left"):
        gates.check_intact(zinc, away)


def test_the_graph_of_a_site_does_not_depend_on_metal_distances(zinc):
    name = graph_id(zinc.atomic_numbers, zinc.positions, 0, 0)
    stretched = zinc.positions.copy()
    stretched[zinc.atomic_numbers == 30] += 0.6
    assert graph_id(zinc.atomic_numbers, stretched, 0, 0) == name
    assert graph_name(zinc.atomic_numbers, zinc.bonds, 0, 0) == name
    assert graph_id(zinc.atomic_numbers, zinc.positions, 2, 0) != name


def test_graph_ids_of_published_fragments_have_not_changed():
    water = np.array([[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]])
    assert graph_id(np.array([8, 1, 1]), water) == "1c11154acbbd3d18"
    split = mfbench.load_split("cath-mini")
    for task in split.test[:2]:
        for c in task.query[::10]:
            assert graph_id(c.atomic_numbers, c.positions, c.total_charge) == task.graphs[c.fragment_id]
    assert len(bonds(np.array([30, 8]), np.array([[0.0, 0, 0], [1.5, 0, 0]]))) == 0


def test_a_wrong_spin_is_rejected(zinc):
    with pytest.raises(Rejection, match="spin"):
        gates.check_cut(replace(zinc, n_unpaired=1))
    with pytest.raises(Rejection, match="spin"):
        gates.check_cut(replace(zinc, total_charge=1))


@pytest.mark.parametrize("name", ["SEP", "TPO", "PTR"])
def test_a_phosphate_is_a_monoanion(name):
    entry = Entry(prepare_chemistry(residue(name, 1)))
    (_, core), *_ = select_modified.residue_cores(entry, 0)
    fragment = cut(entry.atoms, np.array(core), kind="modified", motif=name, pdb_id="test", residues="A1")
    assert fragment.total_charge == -1
    phosphorus = int(np.flatnonzero(fragment.atomic_numbers == 15)[0])
    oxygens = [int(b[b != phosphorus][0]) for b in fragment.bonds if phosphorus in b]
    protons = sum(
        fragment.atomic_numbers[b].tolist().count(1) for b in fragment.bonds if set(b) & set(oxygens)
    )
    assert len(oxygens) == 4
    assert protons == 1
    gates.check_cut(fragment)


def test_acetyl_lysine_is_built_onto_lysine():
    peptide = ideal_peptide(["ALA", "LYS", "ALA"])
    start, stop = np.flatnonzero(peptide.res_name == "LYS")[[0, -1]]
    entry = Entry(prepare_chemistry(modify(peptide, start, stop + 1, "ALY")))
    assert entry.name(1) == "ALY"
    assert entry.predecessor(1) == 0
    assert entry.follower(1) == 2
    core = dict(select_modified.residue_cores(entry, 1))["nc"]
    fragment = cut(entry.atoms, np.array(core), kind="modified", motif="ALY", pdb_id="test", residues="A2")
    assert fragment.total_charge == 0
    gates.check_cut(fragment)


def test_a_metal_is_substituted_in_its_place():
    atoms = site(LIGANDS)
    entry = Entry(prepare_chemistry(substitute(atoms, len(atoms) - 1, "Cd")))
    anchor = len(entry.starts) - 2
    assert entry.numbers[-1] == 48
    assert select_sites.signature(entry, select_sites.core_of(entry, anchor)) == "CCHH"


def test_a_disulfide_is_a_bond_between_residues():
    one, two = residue("CYS", 1), residue("CYS", 2)
    two.coord = -(two.coord - two.coord[two.atom_name == "SG"])
    one.coord -= one.coord[one.atom_name == "SG"]
    outward = one.coord.mean(axis=0) / np.linalg.norm(one.coord.mean(axis=0))
    one.coord += 2.05 * outward
    entry = Entry(prepare_chemistry(struc.concatenate([one, two])))
    sulfurs = [entry.named(k)["SG"] for k in (0, 1)]
    assert select_modified.partners(entry, sulfurs[0]) == [sulfurs[1]]
    _, core = select_modified.bridge_cores(entry, *sulfurs, (1, 2))[0]
    fragment = cut(entry.atoms, np.array(core), kind="bridge", motif="", pdb_id="test", residues="")
    assert len(fragment) == 10  # dimethyl disulfide


def test_a_moiety_is_cut_from_its_ligand_and_filled_with_hydrogens():
    entry = Entry(prepare_chemistry(residue("FMN", 1, drop=())))
    names = "N1 C2 O2 N3 C4 O4 C4A N5 C5A C6 C7 C7M C8 C8M C9 C9A N10 C10 (C1')"
    sizes = []
    for _, core in select_ligands.moiety_cores(entry, 0, names):
        fragment = cut(entry.atoms, np.array(core), kind="ligand", motif="", pdb_id="test", residues="")
        gates.check_cut(fragment)
        sizes.append(len(fragment))
    assert sizes == [28, 31]  # lumichrome-like and lumiflavin


def test_a_label_that_depends_on_the_scf_start_is_dropped(zinc):
    class Undecided:
        def label(self, x):
            return Label(0.0, np.zeros_like(x), start_gap=0.2)

    labelled = LabelledFragment(zinc, "f", zinc.positions, 0.0, "")
    with pytest.raises(Rejection, match="scf-start"):
        label_trajectory(
            Undecided(),
            labelled,
            Trajectory("s0", "md", 300.0, 3, Role.SUPPORT),
            [zinc.positions] * 20,
            gates.Gates(),
        )


def test_an_open_shell_is_labelled_from_two_starts():
    oxygen = np.array([[0.0, 0.0, 0.0], [1.21, 0.0, 0.0]])
    triplet = Gfn2(np.array([8, 8]), 0, 2).label(oxygen)
    assert triplet.start_gap < 1e-4
    assert Gfn2(np.array([8, 8]), 0, 0).label(oxygen).start_gap == 0.0


def test_the_family_table_splits_elements_and_chemistry():
    families = load_families(TABLES / "chemistry.yaml")
    folds = [f.fold for f in families]
    assert len(families) >= 30
    assert folds.count("test") >= 8
    assert folds.count("validation") >= 4
    known = {e for f in families if f.fold != "test" for e in f.elements}
    for family in families:
        assert (family.test_stratum != "") == (family.fold == "test")
        if family.fold == "test":
            unseen = not set(family.elements) <= known | {"C", "H", "N", "O"}
            assert unseen == (family.test_stratum == "unseen-element"), family.id
        if family.n_unpaired:
            assert family.spin_reason
            assert float(family.spin_check) <= 1e-3
    places = load_places(TABLES / "chemistry_places.tsv")
    assert {p.family for p in places} == {f.id for f in families}


def test_bounds_by_kind_come_from_the_family_table():
    recipe = with_overrides(RECIPE, TABLES / "chemistry.yaml")
    assert (
        recipe.gates.of("heme").strain > recipe.gates.of("site").strain > recipe.gates.of("contact").strain
    )
    assert recipe.sampling.of("heme").spacing_steps < recipe.sampling.of("contact").spacing_steps
    assert recipe.sampling.of("heme").support_md_frames == recipe.sampling.support_md_frames


def test_a_scan_finds_a_site_and_keeps_few_places(entry):
    family = ChemistryFamily(
        id="zn", fold="train", title="", kind="site", anchors=["ZN"], elements=["Zn"], ligand_set="CCHH"
    )
    (place,) = scan_entry(entry, "test", [family])
    assert (place.label, place.detail) == ("A100", "CCHH")
    many = [place.model_copy(update={"residue": str(k)}) for k in range(100)]
    assert len(limit_places([family], many)) == 40


STRUCTURES = os.environ.get("MFBENCH_STRUCTURES")


@pytest.mark.skipif(not STRUCTURES, reason="needs the structure folder (MFBENCH_STRUCTURES)")
def test_a_family_is_planned_from_real_entries():
    family = next(f for f in load_families(TABLES / "chemistry.yaml") if f.id == "zn-ccch")
    places: list[Place] = load_places(TABLES / "chemistry_places.tsv")
    jobs = chemistry_jobs(family, places, Path(STRUCTURES), 1, candidates=2)
    assert [s.heldout for s in jobs] == [False] * 6 + [True] * 3
    names = [
        graph_name(f.atomic_numbers, f.bonds, f.total_charge, f.n_unpaired)
        for s in jobs
        for f in s.candidates[:1]
    ]
    assert len(set(names)) == 9
    pool = {f.pdb_id for s in jobs if not s.heldout for f in s.candidates}
    assert not pool & {f.pdb_id for s in jobs if s.heldout for f in s.candidates}
    assert all(f.total_charge == -1 and f.coordination.size for s in jobs for f in s.candidates)
