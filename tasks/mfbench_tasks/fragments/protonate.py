"""Formal charges, bonds between residues and protonation of what is not a plain amino acid.

All rules are explicit: hydrogens are then placed by valence, and nowhere on atoms marked ``bare``.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from itertools import pairwise

import biotite.structure as struc
import numpy as np
from biotite.structure import info
from scipy.spatial import cKDTree

from mfbench.data.molecular_graph import covalent_radius
from mfbench_tasks.fragments.coordination_shell import first_shell, is_metal, numbers_of
from mfbench_tasks.fragments.cut import prepare
from mfbench_tasks.structures.residue_names import WATERS

__all__ = ["prepare_chemistry"]

_LINK = 1.15  # times the sum of covalent radii: a bond between two residues in a crystal structure
_AMINO_CHARGES = {
    ("ASP", "OD2"): -1, ("GLU", "OE2"): -1, ("LYS", "NZ"): 1, ("ARG", "NH2"): 1,
    ("CSD", "OD2"): -1, ("OCS", "OD3"): -1,
}  # fmt: skip
_PORPHYRIN = {"NA": -1, "NB": 0, "NC": -1, "ND": 0}


def prepare_chemistry(atoms: struc.AtomArray) -> struc.AtomArray:
    """Atoms with bonds (none to metals, those between residues added), formal charges and ``bare``.

    Phosphates are monoanions, thiolates bind metals, a metal-bound histidine keeps its proton on the
    other nitrogen, metals and bare sulfides carry no charge here: a site's rule states their sum.
    """
    atoms = atoms.copy()
    atoms.element[:] = _elements(atoms)
    atoms = prepare(atoms)
    numbers = numbers_of(atoms)
    metal = is_metal(numbers)
    atoms.set_annotation("bare", metal.copy())
    atoms.charge[:] = np.where(metal, 0, _charges(atoms))
    table = atoms.bonds.as_array()
    atoms.bonds = struc.BondList(atoms.array_length(), table[~(metal[table[:, 0]] | metal[table[:, 1]])])
    _link_residues(atoms, numbers)
    _phosphates(atoms, numbers)
    _ligands_of_metals(atoms, first_shell(atoms.coord, numbers))
    _porphyrins(atoms)
    return atoms


@lru_cache(maxsize=512)
def _dictionary(name: str) -> dict[str, tuple[str, int]]:
    """Atom name → element and formal charge in the chemical dictionary; empty if it is not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            template = info.residue(name)
        except KeyError:
            return {}
    rows = zip(template.atom_name, template.element, template.charge, strict=True)
    return {str(atom): (str(element), int(charge)) for atom, element, charge in rows}


def _elements(atoms: struc.AtomArray) -> np.ndarray:
    """Elements, [n]: the dictionary's where it knows the atom, since files without elements leave
    guesses (iron as fluorine)."""
    out: np.ndarray = atoms.element.copy()
    for i in np.flatnonzero(atoms.hetero):
        known = _dictionary(str(atoms.res_name[i])).get(str(atoms.atom_name[i]))
        out[i] = known[0] if known else out[i]
    return out


def _charges(atoms: struc.AtomArray) -> np.ndarray:
    out = np.zeros(atoms.array_length(), dtype=int)
    for i, key in enumerate(zip(atoms.res_name, atoms.atom_name, strict=True)):
        if key in _AMINO_CHARGES:
            out[i] = _AMINO_CHARGES[key]
        elif atoms.hetero[i]:
            out[i] = _dictionary(str(key[0])).get(str(key[1]), ("", 0))[1]
    return out


def _link_residues(atoms: struc.AtomArray, numbers: np.ndarray) -> None:
    """Bonds between atoms of different residues: glycosidic, isopeptide, disulfide, Schiff base."""
    number = struc.get_residue_starts(atoms, add_exclusive_stop=True)
    residue = np.concatenate([np.full(b - a, k) for k, (a, b) in enumerate(pairwise(number))])
    links = atoms.hetero & ~np.isin(atoms.res_name, WATERS) & np.isin(numbers, (6, 7, 8, 15, 16))
    links |= (atoms.atom_name == "SG") | (atoms.atom_name == "NZ")
    here = np.flatnonzero(links)
    organic = np.flatnonzero(np.isin(numbers, (6, 7, 8, 15, 16)) & ~np.isin(atoms.res_name, WATERS))
    near = cKDTree(atoms.coord[here]).query_ball_tree(cKDTree(atoms.coord[organic]), 2.45)
    bonded = {tuple(sorted(p)) for p in atoms.bonds.as_array()[:, :2].tolist()}
    for i, others in zip(here.tolist(), near, strict=True):
        for j in organic[others].tolist():
            key = (min(i, j), max(i, j))
            if residue[i] == residue[j] or key in bonded:
                continue
            radius = covalent_radius(numbers[i]) + covalent_radius(numbers[j])
            if np.linalg.norm(atoms.coord[i] - atoms.coord[j]) < _LINK * radius:
                bonded.add(key)
                _bond(atoms, *key)


def _bond(atoms: struc.AtomArray, i: int, j: int) -> None:
    amine = next((k for k in (i, j) if atoms.res_name[k] == "LYS" and atoms.atom_name[k] == "NZ"), None)
    kind = struc.BondType.SINGLE
    if amine is not None:
        carbon = j if amine == i else i
        # An aldehyde has lost its oxygen to the amine: a protonated Schiff base. A carbonyl has not.
        neighbours, _ = atoms.bonds.get_bonds(carbon)
        schiff = not any(atoms.element[k] == "O" for k in neighbours)
        atoms.charge[amine] = 1 if schiff else 0
        kind = struc.BondType.DOUBLE if schiff else kind
    atoms.bonds.add_bond(i, j, kind)


def _phosphates(atoms: struc.AtomArray, numbers: np.ndarray) -> None:
    """One negative oxygen per phosphate: dianions would take a proton from their surroundings."""
    for p in np.flatnonzero((numbers == 15) & atoms.hetero):
        around, kinds = atoms.bonds.get_bonds(p)
        ends = [
            int(k)
            for k, kind in zip(around, kinds, strict=True)
            if numbers[k] == 8 and len(atoms.bonds.get_bonds(k)[0]) == 1 and kind == struc.BondType.SINGLE
        ]
        if ends:
            atoms.charge[ends] = 0
            atoms.charge[max(ends)] = -1


def _ligands_of_metals(atoms: struc.AtomArray, shell: np.ndarray) -> None:
    for donor in sorted({int(d) for _, d in shell}):
        name = (str(atoms.res_name[donor]), str(atoms.atom_name[donor]))
        if name == ("CYS", "SG") or (atoms.element[donor] == "S" and not _neighbours(atoms, donor)):
            atoms.charge[donor] = -1 if name[0] == "CYS" else -2
            atoms.bare[donor] = True
        elif name == ("TYR", "OH"):
            atoms.charge[donor] = -1
        elif name == ("HIS", "NE2"):
            _move_proton_to_nd1(atoms, donor)


def _move_proton_to_nd1(atoms: struc.AtomArray, ne2: int) -> None:
    """By default NE2 has the proton, ND1=CE1 the double bond: let them change places."""
    ce1 = next((k for k in _neighbours(atoms, ne2) if atoms.atom_name[k] == "CE1"), None)
    if ce1 is None:
        return
    nd1 = next((k for k in _neighbours(atoms, ce1) if atoms.atom_name[k] == "ND1"), None)
    if nd1 is None:
        return
    atoms.bonds.add_bond(ce1, ne2, struc.BondType.DOUBLE)
    atoms.bonds.add_bond(nd1, ce1, struc.BondType.SINGLE)


def _neighbours(atoms: struc.AtomArray, i: int) -> list[int]:
    return [int(k) for k in atoms.bonds.get_bonds(i)[0]]


def _porphyrins(atoms: struc.AtomArray) -> None:
    heme = np.isin(atoms.res_name, ("HEM", "HEC", "HEA", "HEB"))
    for name, charge in _PORPHYRIN.items():
        mask = heme & (atoms.atom_name == name)
        atoms.charge[mask] = charge
        atoms.bare[mask] = True
