"""Metal sites: a metal, cluster or heme with every ligand of its first shell, cut at several depths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mfbench_tasks.fragments.building_blocks import (
    Entry,
    amide,
    bridged,
    contacts,
    hydrogen_bonded,
    side_chain,
)
from mfbench_tasks.fragments.coordination_shell import first_shell, is_metal
from mfbench_tasks.fragments.select import Selection
from mfbench_tasks.structures.residue_names import WATERS

__all__ = ["core_of", "ligands", "signature", "variants"]

_LETTERS = {
    "CYS": "C", "HIS": "H", "ASP": "D", "GLU": "E", "ASN": "N", "GLN": "Q", "SER": "S", "THR": "T",
    "TYR": "Y", "MET": "M", "LYS": "K", "TRP": "W", "ARG": "R",
}  # fmt: skip
_PORPHYRIN = (
    "FE", "NA", "NB", "NC", "ND", "CHA", "CHB", "CHC", "CHD", "C1A", "C2A", "C3A", "C4A", "C1B", "C2B",
    "C3B", "C4B", "C1C", "C2C", "C3C", "C4C", "C1D", "C2D", "C3D", "C4D",
)  # fmt: skip
_METHYLS = ("CMA", "CMB", "CMC", "CMD", "CAA", "CAD")
_HEMES = ("HEM", "HEC", "HEB", "HEA")
_USUAL_STARTS = ("CB", "CA", "CB")
_STARTS = {"HIS": ("CB", "CA", "CG"), "CYS": ("CB", "CA", "CA")}
_HEME_STARTS = ("CG", "CB", "CG")
"""Where a side chain begins, by its drawn length: methylimidazole, ethylimidazole, imidazole."""
_ALONE = 5.0  # Å to the next metal
_SECOND_SHELL = (0, 0, 1, 1, 2)  # further groups, drawn
_SECOND_WATER = 3.3  # Å to a donor


def core_of(entry: Entry, residue: int) -> list[int]:
    """Atoms of a metal residue that every cut holds: a metal, a cluster, a bare porphyrin's iron."""
    index = entry.named(residue)
    if entry.name(residue) in _HEMES:
        return [index[n] for n in _PORPHYRIN] if all(n in index for n in _PORPHYRIN) else []
    return list(index.values())


def ligands(entry: Entry, core: list[int]) -> dict[int, list[int]]:
    """Residue → its donors within the first shell of a core's metals."""
    near = sorted({j for i in core for j in entry.tree.query_ball_point(entry.atoms.coord[i], 3.2)})
    pairs = first_shell(entry.atoms.coord[near], entry.numbers[near])
    out: dict[int, list[int]] = {}
    for metal, donor in ((near[m], near[d]) for m, d in pairs):
        if metal in core and donor not in core:
            out.setdefault(int(entry.residue[donor]), []).append(donor)
    return {k: sorted(set(v)) for k, v in sorted(out.items())}


def signature(entry: Entry, core: list[int]) -> str:
    """Ligand set: one letter per side chain, w water, o and n backbone, x anything else; ? not alone."""
    metals = [i for i in core if is_metal(entry.numbers[i : i + 1])[0]]
    for i in metals:
        around = entry.tree.query_ball_point(entry.atoms.coord[i], _ALONE)
        if any(j not in core and is_metal(entry.numbers[j : j + 1])[0] for j in around):
            return "?"
    letters = []
    for residue, donors in ligands(entry, core).items():
        name = entry.name(residue)
        for donor in donors:
            atom = str(entry.atoms.atom_name[donor])
            if name in WATERS:
                letters.append("w")
            elif name in _LETTERS or atom in ("N", "O"):
                letters.append({"N": "n", "O": "o"}.get(atom, _LETTERS.get(name, "x")))
            else:
                letters.append("x")
        # A carboxylate that binds twice is one ligand.
        if len(donors) > 1 and len(set(letters[-len(donors) :])) == 1:
            del letters[-len(donors) + 1 :]
    return "".join(sorted(letters))


def variants(entry: Entry, residue: int, rng: np.random.Generator, count: int) -> Iterator[Selection]:
    """Cuts of one site: the barest first, then with longer side chains and second-shell neighbours."""
    core = core_of(entry, residue)
    shell = ligands(entry, core)
    heme = entry.name(residue) in _HEMES
    donors = [d for group in shell.values() for d in group]
    second: list[tuple[str, list[int]]] = []
    if not heme:
        taken = {a for k in shell for a in range(entry.starts[k], entry.starts[k + 1])} | set(core)
        polar = donors + [i for i in core if entry.numbers[i] == 16]
        second = hydrogen_bonded(entry, polar, taken)
        second += [c for c in contacts(entry, taken, donors) if not entry.atoms.charge[c[1]].any()]
        second += _waters(entry, polar, taken)
    motif = f"{'heme' if heme else 'site'}:{entry.name(residue)}({signature(entry, core)})"
    for number in range(count):
        chosen, labels = set(core), [entry.label(residue)]
        for k, group in shell.items():
            # Other lengths of the ligands make other graphs, with other surroundings.
            length = int(rng.integers(0, 3)) if number else 0
            part = _ligand(entry, k, group, length, heme)
            if part is None:
                return  # a side chain with missing atoms: no cut of this site is whole
            chosen |= set(part)
            labels.append(entry.label(k) + "'" * length)
        if number and heme:
            index = entry.named(residue)
            methyls = [n for n in _METHYLS if n in index and rng.random() < 0.25]
            chosen |= {index[n] for n in methyls}
            labels += methyls
        for label, part in _drawn(second, rng) if number else ():
            chosen |= set(part)
            labels.append(label)
        atoms = np.array(sorted(bridged(entry, chosen)))
        yield Selection("heme" if heme else "site", motif, "+".join(labels), atoms)


def _ligand(entry: Entry, residue: int, donors: list[int], length: int, heme: bool) -> list[int] | None:
    """Atoms of one ligand: water, peptide group or side chain, or a side chain with its backbone.

    Args:
        length: 0 to 2; 0 is the usual cut, others are longer, or shorter for a histidine.
    """
    name = entry.name(residue)
    if name in WATERS:
        return donors
    parts: list[list[int] | None] = []
    backbone = {str(entry.atoms.atom_name[d]) for d in donors} & {"N", "O"}
    if "O" in backbone:
        parts.append(amide(entry, residue, min(length, 1)))
    if "N" in backbone:
        before = entry.predecessor(residue)
        parts.append(None if before is None else amide(entry, before, min(length, 1)))
    if len(donors) > len(backbone):
        starts = _HEME_STARTS if heme and name in ("HIS", "MET") else _STARTS.get(name, _USUAL_STARTS)
        parts.append(side_chain(entry, residue, starts[length]))
    whole = [part for part in parts if part is not None]
    return [i for part in whole for i in part] if len(whole) == len(parts) else None


def _waters(entry: Entry, polar: list[int], taken: set[int]) -> list[tuple[str, list[int]]]:
    near = {j for i in polar for j in entry.tree.query_ball_point(entry.atoms.coord[i], _SECOND_WATER)}
    waters = [j for j in sorted(near - taken) if entry.name(int(entry.residue[j])) in WATERS]
    return [(entry.label(int(entry.residue[j])), [j]) for j in waters]


def _drawn(groups: list[tuple[str, list[int]]], rng: np.random.Generator) -> list[tuple[str, list[int]]]:
    count = _SECOND_SHELL[int(rng.integers(len(_SECOND_SHELL)))]
    return [groups[k] for k in rng.permutation(len(groups))[:count]]
