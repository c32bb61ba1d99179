"""Building blocks of fragments that selectors put together: side chains, peptide groups, neighbours."""

from __future__ import annotations

from functools import cached_property

import biotite.structure as struc
import numpy as np
from scipy.spatial import cKDTree

from mfbench_tasks.fragments.coordination_shell import numbers_of
from mfbench_tasks.structures.residue_names import SIDE_CHAINS, WATERS

__all__ = ["Entry", "amide", "bridged", "contacts", "hydrogen_bonded", "side_chain"]

_CONTACT = 4.2  # Å between heavy atoms of a core and of a side chain
_HBOND = 3.6  # Å between heavy atoms
_NO_SIDE_CHAIN = ("GLY", "PRO", "ALA")


class Entry:
    """A prepared structure (``prepare_chemistry``) with residue look-ups.

    Attributes:
        atoms: the atom array; ``numbers``: [n] atomic numbers; ``residue``: [n] residue index of each
        atom; ``starts``: [n_residues + 1] first atom of each residue.
    """

    def __init__(self, atoms: struc.AtomArray):
        self.atoms = atoms
        self.numbers = numbers_of(atoms)
        self.starts = struc.get_residue_starts(atoms, add_exclusive_stop=True)
        self.residue = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    @cached_property
    def tree(self) -> cKDTree:
        """All heavy atoms."""
        return cKDTree(self.atoms.coord)

    @cached_property
    def bonded(self) -> tuple[np.ndarray, ...]:
        """Neighbours of each atom."""
        table, _ = self.atoms.bonds.get_all_bonds()
        return tuple(row[row >= 0] for row in table)

    def named(self, residue: int) -> dict[str, int]:
        """Atom name → index within a residue."""
        atoms = range(self.starts[residue], self.starts[residue + 1])
        return {str(self.atoms.atom_name[i]): i for i in atoms}

    def name(self, residue: int) -> str:
        """Three-letter name of a residue."""
        return str(self.atoms.res_name[self.starts[residue]])

    def label(self, residue: int) -> str:
        """Chain, number and insertion code: ``A97``."""
        i = self.starts[residue]
        return f"{self.atoms.chain_id[i]}{self.atoms.res_id[i]}{self.atoms.ins_code[i]}".strip()

    def follower(self, residue: int) -> int | None:
        """The residue whose N is bonded to this one's C."""
        return self._along(residue, "C", "N")

    def predecessor(self, residue: int) -> int | None:
        """The residue whose C is bonded to this one's N."""
        return self._along(residue, "N", "C")

    def _along(self, residue: int, here: str, there: str) -> int | None:
        i = self.named(residue).get(here)
        for j in self.bonded[i] if i is not None else ():
            if self.residue[j] != residue and self.atoms.atom_name[j] == there:
                return int(self.residue[j])
        return None


def side_chain(entry: Entry, residue: int, start: str = "CB") -> list[int] | None:
    """Side-chain atoms from CG, CB or CA outwards; None if incomplete or not a plain amino acid.

    CG leaves out CB: an imidazole, a dimethyl sulfide.
    """
    names = SIDE_CHAINS.get(entry.name(residue))
    if not names:
        return None
    wanted = names.split()
    wanted = {"CA": ["CA", *wanted], "CB": wanted, "CG": wanted[1:]}[start]
    index = entry.named(residue)
    return [index[n] for n in wanted] if all(n in index for n in wanted) else None


def amide(entry: Entry, residue: int, depth: int = 0) -> list[int] | None:
    """Peptide group of a residue's C=O: formamide, with 1 acetamide, with 2 N-methylacetamide."""
    after = entry.follower(residue)
    if after is None:
        return None
    one, two = entry.named(residue), entry.named(after)
    wanted = [(one, "C"), (one, "O"), (two, "N")]
    wanted += [(one, "CA")] if depth >= 1 else []
    wanted += [(two, "CA")] if depth >= 2 else []
    return [index[name] for index, name in wanted] if all(n in index for index, n in wanted) else None


def bridged(entry: Entry, selected: set[int]) -> set[int]:
    """The selection and every atom between two of its atoms: no two caps in one place."""
    out = set(selected)
    while True:
        near: dict[int, int] = {}
        for i in out:
            for j in entry.bonded[i]:
                if int(j) not in out:
                    near[int(j)] = near.get(int(j), 0) + 1
        between = {j for j, count in near.items() if count > 1}
        if not between:
            return out
        out |= between


def contacts(entry: Entry, core: set[int], near: list[int] | None = None) -> list[tuple[str, list[int]]]:
    """Side chains in contact with a core: (label, atoms), nearest first. Linked residues are left out.

    Args:
        near: core atoms that the contact must touch; default all.
    """
    own = {int(entry.residue[i]) for i in core}
    own |= {int(entry.residue[j]) for i in core for j in entry.bonded[i]}
    found: dict[int, float] = {}
    chains: dict[int, list[int]] = {}
    for i in sorted(core if near is None else near):
        for j in entry.tree.query_ball_point(entry.atoms.coord[i], _CONTACT):
            k = int(entry.residue[j])
            if k in own or entry.name(k) in _NO_SIDE_CHAIN:
                continue
            chain = side_chain(entry, k)
            if chain and j in chain and not _linked(entry, chain):
                distance = float(np.linalg.norm(entry.atoms.coord[i] - entry.atoms.coord[j]))
                found[k] = min(found.get(k, np.inf), distance)
                chains[k] = chain
    order = sorted(found, key=lambda k: (found[k], k))
    return [(entry.label(k), chains[k]) for k in order]


def hydrogen_bonded(entry: Entry, polar: list[int], core: set[int]) -> list[tuple[str, list[int]]]:
    """Peptide groups whose N or O is near a polar core atom: (label, atoms), as formamides."""
    own = {int(entry.residue[i]) for i in core}
    out: dict[int, list[int]] = {}
    for i in polar:
        for j in entry.tree.query_ball_point(entry.atoms.coord[i], _HBOND):
            k = int(entry.residue[j])
            if k in own or entry.name(k) in WATERS or str(entry.atoms.atom_name[j]) not in ("N", "O"):
                continue
            group = entry.predecessor(k) if entry.atoms.atom_name[j] == "N" else k
            if group is None:
                continue
            peptide = amide(entry, group)
            if peptide and not set(peptide) & core and not own & {int(entry.residue[a]) for a in peptide}:
                out[group] = peptide
    return [(f"{entry.label(k)}o", peptide) for k, peptide in sorted(out.items())]


def _linked(entry: Entry, atoms: list[int]) -> bool:
    """Whether a side chain is bonded to another residue, or thiolate to a metal."""
    own = entry.residue[atoms[0]]
    linked = any(entry.residue[j] != own for i in atoms for j in entry.bonded[i])
    return linked or bool(entry.atoms.bare[atoms].any())
