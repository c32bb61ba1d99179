"""One cut: a selection of heavy atoms becomes a capped, protonated molecule.

A cap is made of the real neighbour's atoms: the selection holds them, and hydrogens fill what the cut
left open, so that a neighbour's CA becomes a methyl carbon in its native place.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import biotite.structure as struc
import hydride
import numpy as np

from mfbench.errors import StructureError
from mfbench_tasks.fragments.coordination_shell import first_shell, numbers_of
from mfbench_tasks.fragments.valence import check_valences

__all__ = ["Fragment", "cut", "prepare"]

_CHARGED_ATOMS = {("ASP", "OD2"): -1, ("GLU", "OE2"): -1, ("LYS", "NZ"): 1, ("ARG", "NH2"): 1}
"""Protonation at pH 7; histidine is neutral with its proton on NE2, as its charge-free ring implies."""

_RELAXATION = 300
"""Steps in which hydrogens come to rest: good cuts take up to thirty; between atoms that overlap, the
search would turn in circles for ever."""


@dataclass(frozen=True, eq=False)
class Fragment:
    """A molecule cut from a protein, before any calculation.

    Attributes:
        kind: residue, contact or hbond; site, modified, link or ligand.
        motif: what was cut, in residue names; equal motifs have equal molecular graphs.
        pdb_id, chain, residues: where it comes from.
        atomic_numbers: [n] int32.
        positions: [n, 3] Å.
        bonds: [n_bonds, 2] intended bonds, i < j.
        total_charge, n_unpaired: charge in e, unpaired electrons.
        coordination: [m, 2] metal and donor of the first shell; these are no bonds.
        built: whether the modification was built onto a native residue.
    """

    kind: str
    motif: str
    pdb_id: str
    chain: str
    residues: str
    atomic_numbers: np.ndarray
    positions: np.ndarray
    bonds: np.ndarray
    total_charge: int
    n_unpaired: int = 0
    coordination: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=int))
    built: bool = False

    def __len__(self) -> int:
        """Number of atoms."""
        return len(self.atomic_numbers)


def _formal_charges(atoms: struc.AtomArray) -> np.ndarray:
    """Formal charge of every atom, [n] int: charged side chains only."""
    pairs = zip(atoms.res_name, atoms.atom_name, strict=True)
    return np.array([_CHARGED_ATOMS.get(pair, 0) for pair in pairs], dtype=int)


def prepare(atoms: struc.AtomArray) -> struc.AtomArray:
    """Atoms with the two annotations that ``cut`` needs: bonds by residue and atom names, charges."""
    atoms = atoms.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unknown ligands have no template: they are never cut
        atoms.bonds = struc.connect_via_residue_names(atoms)
    atoms.set_annotation("charge", _formal_charges(atoms))
    return atoms


def cut(
    atoms: struc.AtomArray,
    selection: np.ndarray,
    *,
    kind: str,
    motif: str,
    pdb_id: str,
    residues: str,
    metal_charge: int = 0,
    n_unpaired: int = 0,
    built: bool = False,
) -> Fragment:
    """Cut the selected heavy atoms (indices into ``atoms``) and fill open valences with hydrogens.

    Args:
        atoms: from ``prepare`` or ``prepare_chemistry``; atoms annotated ``bare`` get no hydrogen.
        selection: [m] indices, cap atoms included.
        metal_charge: sum of the metals' oxidation states, added to the formal charges of the rest.

    Raises:
        StructureError: the selection is empty, hydrogens cannot be placed, or valences are wrong.
    """
    if len(selection) == 0:
        raise StructureError(f"{pdb_id} {residues}: nothing to cut")
    heavy = atoms[np.sort(selection)]
    try:
        bare = "bare" in heavy.get_annotation_categories()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no parameters for phosphorus and metals
            full, _ = hydride.add_hydrogen(heavy, mask=~heavy.bare if bare else None)
            full.coord, energies = hydride.relax_hydrogen(
                full, iterations=_RELAXATION, return_energies=True
            )
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StructureError(f"{pdb_id} {residues}: no hydrogens ({reason})") from error
    if len(energies) >= _RELAXATION:
        raise StructureError(f"{pdb_id} {residues}: its hydrogens find no rest: do atoms overlap?")
    if bare:
        check_valences(full)
    numbers = numbers_of(full)
    bonds = np.sort(full.bonds.as_array()[:, :2].astype(int), axis=1)
    return Fragment(
        kind=kind,
        motif=motif,
        pdb_id=pdb_id,
        chain=str(heavy.chain_id[0]),
        residues=residues,
        atomic_numbers=numbers,
        positions=full.coord.astype(float),
        bonds=bonds[np.lexsort((bonds[:, 1], bonds[:, 0]))],
        total_charge=int(heavy.charge.sum()) + metal_charge,
        n_unpaired=n_unpaired,
        coordination=first_shell(full.coord, numbers),
        built=built,
    )
