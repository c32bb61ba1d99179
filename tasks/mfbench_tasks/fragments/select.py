"""Where to cut: one small selector per fragment kind, each naming the heavy atoms to keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import biotite.structure as struc
import numpy as np
from scipy.spatial import cKDTree

from mfbench.errors import StructureError
from mfbench_tasks.structures.residue_names import SIDE_CHAINS, WATERS

__all__ = [
    "SEGMENT_ATOMS",
    "Residue",
    "Selection",
    "chain_residues",
    "contacts",
    "hbonds",
    "residues",
    "segments",
]

_BACKBONE = ("N", "CA", "C", "O")
_CHARGED = ("ASP", "GLU", "LYS", "ARG")
_PEPTIDE_BOND = 1.7  # Å between C and the next N; longer means a gap in the chain
_CONTACT = 4.2  # Å between the nearest side-chain heavy atoms
_HBOND = 3.3  # Å between N and O
_HBOND_ANGLE = 110.0  # degrees, C=O...N
_NO_CONTACT = ("GLY", "PRO", "ALA")
_SEPARATION = 3  # residues apart in sequence
SEGMENT_ATOMS = (60, 100)
_METAL = 3.0  # Å: a side chain this close to a hetero atom belongs to a site, not to these kinds


@dataclass(frozen=True, eq=False)
class Residue:
    """One amino acid of a chain: ``index`` maps atom names to positions in the atom array."""

    name: str
    label: str
    index: dict[str, int]
    follows: bool  # its N is bonded to the previous residue's C
    intact: bool  # all heavy atoms present, and free for these kinds (no disulfide, no site)

    def atoms(self, *names: str) -> list[int]:
        """Indices of the named atoms.

        Raises:
            StructureError: one of them is missing from the file.
        """
        for name in names:
            if name not in self.index:
                raise StructureError(f"residue {self.name} {self.label} has no atom {name}")
        return [self.index[name] for name in names]

    @property
    def side_chain(self) -> tuple[str, ...]:
        """Names of its side-chain heavy atoms."""
        return tuple(SIDE_CHAINS[self.name].split())


@dataclass(frozen=True, eq=False)
class Selection:
    """Heavy atoms to cut: arguments of ``cut``.

    Attributes:
        names: of the amino acids that it is made of; empty for what is not of plain ones.
    """

    kind: str
    motif: str
    residues: str
    atoms: np.ndarray
    names: tuple[str, ...] = ()


def chain_residues(atoms: struc.AtomArray, chain: str) -> list[Residue]:
    """The standard amino acids of one chain, in file order.

    Raises:
        StructureError: the chain does not exist or holds no amino acid.
    """
    mask = atoms.chain_id == chain
    if not mask.any():
        raise StructureError(f"there is no chain {chain}: chains are {sorted(set(atoms.chain_id))}")
    sites = _sites(atoms)
    out: list[Residue] = []
    previous: dict[str, int] = {}
    starts = struc.get_residue_starts(atoms, add_exclusive_stop=True)
    for start, stop in pairwise(starts):
        if not mask[start] or atoms.hetero[start] or atoms.res_name[start] not in SIDE_CHAINS:
            if mask[start]:
                previous = {}
            continue
        index = {str(atoms.atom_name[i]): int(i) for i in range(start, stop)}
        name = str(atoms.res_name[start])
        label = f"{chain}{atoms.res_id[start]}{atoms.ins_code[start]}".strip()
        needed = _BACKBONE + tuple(SIDE_CHAINS[name].split())
        complete = all(atom in index for atom in needed)
        side = [index[a] for a in needed[4:] if a in index]
        out.append(
            Residue(
                name=name,
                label=label,
                index=index,
                follows="C" in previous
                and "N" in index
                and _distance(atoms, previous["C"], index["N"]) < _PEPTIDE_BOND,
                intact=complete and not _in_site(atoms, side, sites),
            )
        )
        previous = index
    if not out:
        raise StructureError(f"chain {chain} holds no amino acids")
    return out


def residues(chain: list[Residue]) -> Iterator[Selection]:
    """Capped residues: acetyl from CA, C, O of the previous one, N-methyl from N, CA of the next."""
    for before, here, after in zip(chain, chain[1:], chain[2:], strict=False):
        if not (here.follows and after.follows and here.intact):
            continue
        if not ({"CA", "C", "O"} <= before.index.keys() and {"N", "CA"} <= after.index.keys()):
            continue
        atoms = before.atoms("CA", "C", "O") + here.atoms(*_BACKBONE, *here.side_chain)
        atoms += after.atoms("N", "CA")
        yield Selection("residue", f"residue:{here.name}", here.label, np.array(atoms), (here.name,))


def segments(chain: list[Residue]) -> Iterator[Selection]:
    """Larger cuts: runs of residues in their native backbone, capped like single ones.

    At most one residue is charged: a salt bridge in the gas phase transfers its proton.
    """
    for first in range(1, len(chain)):
        for stop in range(first + 2, len(chain)):
            before, run, after = chain[first - 1], chain[first:stop], chain[stop]
            heavy = 3 + 2 + sum(len(_BACKBONE) + len(r.side_chain) for r in run)
            if 2.2 * heavy > SEGMENT_ATOMS[1] or not all(r.intact and r.follows for r in run):
                break
            if not after.follows or sum(r.name in _CHARGED for r in run) > 1:
                continue
            if not ({"CA", "C", "O"} <= before.index.keys() and {"N", "CA"} <= after.index.keys()):
                break
            if 1.9 * heavy < SEGMENT_ATOMS[0]:
                continue
            atoms = before.atoms("CA", "C", "O") + after.atoms("N", "CA")
            atoms += [i for r in run for i in r.atoms(*_BACKBONE, *r.side_chain)]
            names, where = tuple(r.name for r in run), f"{run[0].label}-{run[-1].label}"
            yield Selection("segment", f"segment:{'-'.join(names)}", where, np.array(atoms), names)


def contacts(chain: list[Residue], coord: np.ndarray) -> Iterator[Selection]:
    """Side-chain pairs in contact, cut between CA and CB: CB becomes a methyl or methylene carbon.

    At most one of the two is charged: a salt bridge in the gas phase transfers its proton.
    """
    # No side chain, one that is closed on the backbone, or methane: nothing to cut.
    usable = [(i, r) for i, r in enumerate(chain) if r.intact and r.name not in _NO_CONTACT]
    trees = [cKDTree(coord[r.atoms(*r.side_chain)]) for _, r in usable]
    for (a, tree_a), (b, tree_b) in _pairs(list(zip(usable, trees, strict=True)), coord):
        (i, one), (j, two) = a, b
        if abs(i - j) < _SEPARATION or (one.name in _CHARGED and two.name in _CHARGED):
            continue
        if tree_a.count_neighbors(tree_b, _CONTACT) == 0:
            continue
        first, second = sorted((one, two), key=lambda r: (r.name, r.label))
        yield Selection(
            "contact",
            f"contact:{first.name}-{second.name}",
            f"{first.label}-{second.label}",
            np.array(first.atoms(*first.side_chain) + second.atoms(*second.side_chain)),
            (first.name, second.name),
        )


def hbonds(chain: list[Residue], coord: np.ndarray) -> Iterator[Selection]:
    """Backbone hydrogen bonds: HCO-NH-CH2R (donor residue) with R'CH2-CO-NH2 (acceptor residue)."""
    donors, acceptors = [], []
    for i, (before, here) in enumerate(pairwise(chain), start=1):
        if not here.follows:
            continue
        if here.intact and here.name != "PRO" and {"C", "O"} <= before.index.keys():
            donors.append((i, before, here))
        if before.intact and before.name != "PRO" and "N" in here.index:
            acceptors.append((i - 1, before, here))
    for i, before, donor in donors:
        for j, acceptor, after in acceptors:
            if abs(i - j) < _SEPARATION or (donor.name in _CHARGED and acceptor.name in _CHARGED):
                continue
            n, (c, o) = donor.atoms("N")[0], acceptor.atoms("C", "O")
            if np.linalg.norm(coord[n] - coord[o]) > _HBOND:
                continue
            if _angle(coord[c], coord[o], coord[n]) < _HBOND_ANGLE:
                continue
            atoms = before.atoms("C", "O") + donor.atoms("N", "CA", *donor.side_chain)
            atoms += acceptor.atoms("CA", "C", "O", *acceptor.side_chain) + after.atoms("N")
            yield Selection(
                "hbond",
                f"hbond:{donor.name}-{acceptor.name}",
                f"{donor.label}-{acceptor.label}",
                np.array(atoms),
                (donor.name, acceptor.name),
            )


_SideChain = tuple[tuple[int, Residue], cKDTree]
"""A residue, its place in the chain, and its side chain's atoms."""


def _pairs(items: list[_SideChain], coord: np.ndarray) -> Iterator[tuple[_SideChain, _SideChain]]:
    """Pairs of side chains whose CB atoms are near enough for a contact to be possible."""
    if len(items) < 2:
        return
    centres = np.array([coord[r.index["CB"]] for (_, r), _ in items])
    for a, b in sorted(cKDTree(centres).query_pairs(14.0)):
        yield items[a], items[b]


def _sites(atoms: struc.AtomArray) -> cKDTree:
    """Hetero atoms (waters apart) and disulfide sulfurs: what keeps a side chain out of these kinds."""
    water = np.isin(atoms.res_name, WATERS)
    coord = [atoms.coord[(atoms.hetero & ~water)]]
    sulfur = atoms.coord[(atoms.res_name == "CYS") & (atoms.atom_name == "SG")]
    if len(sulfur) > 1:
        bonded = cKDTree(sulfur).query_pairs(2.6)
        coord.append(sulfur[sorted({i for pair in bonded for i in pair})])
    points = np.concatenate(coord)
    return cKDTree(points if len(points) else np.full((1, 3), 1e6))


def _in_site(atoms: struc.AtomArray, side: list[int], sites: cKDTree) -> bool:
    return bool(side) and bool(np.any(sites.query(atoms.coord[side])[0] < _METAL))


def _distance(atoms: struc.AtomArray, i: int, j: int) -> float:
    return float(np.linalg.norm(atoms.coord[i] - atoms.coord[j]))


def _angle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    u, v = a - b, c - b
    return float(np.degrees(np.arccos(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)))))
