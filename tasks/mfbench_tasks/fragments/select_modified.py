"""Modified residues and bonds between residues: their cores, cut at several depths.

A core is a set of atoms that belong together; ``with_contacts`` adds a side chain that touches it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mfbench_tasks.fragments.building_blocks import Entry, bridged, contacts, hydrogen_bonded
from mfbench_tasks.fragments.select import Selection

__all__ = ["bridge_cores", "partners", "residue_cores", "with_contacts"]

_BACKBONE = ("N", "CA", "C", "O", "OXT")
_RIGID_BONDS = ("C", "O")

Core = tuple[str, list[int]]
"""A mark for the fragment's label, and atoms."""


def residue_cores(entry: Entry, residue: int) -> list[Core]:
    """Cuts of a modified residue: capped at both ends, at one, or its side chain alone."""
    index = entry.named(residue)
    side = [i for n, i in index.items() if n not in _BACKBONE]
    before, after = entry.predecessor(residue), entry.follower(residue)
    out: list[Core] = [("", side)]
    if "CA" in index:
        out.append(("'", [*side, index["CA"]]))
    if not all(n in index for n in ("N", "CA", "C", "O")):
        return out
    own = [index[n] for n in ("N", "CA", "C", "O")]
    head = _named(entry, before, ("C", "O")) if before is not None else None
    tail = _named(entry, after, ("N", "CA")) if after is not None else None
    if head:
        out.append(("n", [*side, index["CA"], index["N"], *head]))
    if tail:
        out.append(("c", [*side, index["CA"], index["C"], index["O"], tail[0]]))
    cap = _named(entry, before, ("CA", "C", "O")) if before is not None else None
    if cap and tail:
        out.append(("nc", [*side, *own, *cap, *tail]))
    return out


def partners(entry: Entry, atom: int) -> list[int]:
    """Atoms of other residues bonded to this one."""
    return [int(j) for j in entry.bonded[atom] if entry.residue[j] != entry.residue[atom]]


def bridge_cores(entry: Entry, one: int, two: int, depth: tuple[int, int], keep: int = 2) -> list[Core]:
    """Cuts around the bond between atoms of two residues, by the number of bonds kept on each side.

    Args:
        depth: the least and the largest number of bonds from the bond's ends.
        keep: the largest difference between both sides.
    """
    low, high = depth
    shells = [_shells(entry, one, two, high), _shells(entry, two, one, high)]
    out: list[Core] = []
    for a in range(low, high + 1):
        for b in range(low, high + 1):
            if abs(a - b) <= keep:
                atoms = {i for s, n in zip(shells, (a, b), strict=True) for i, d in s.items() if d <= n}
                out.append((f"{a}{b}", sorted(_whole_groups(entry, atoms))))
    return out


def with_contacts(
    entry: Entry, cores: list[Core], kind: str, motif: str, label: str, rng: np.random.Generator, alone: int
) -> Iterator[Selection]:
    """Each core with each side chain or peptide group that touches it, at random; bare cores first.

    Args:
        alone: number of heavy atoms from which a core also stands alone.
    """
    options: list[tuple[str, set[int]]] = []
    bare: list[tuple[str, set[int]]] = []
    for mark, core in cores:
        atoms = bridged(entry, set(core))
        marked = f"{label}~{mark}" if mark else label
        charge = int(entry.atoms.charge[sorted(atoms)].sum())
        if len(atoms) >= alone:
            bare.append((marked, atoms))
        polar = [i for i in sorted(atoms) if entry.numbers[i] in (7, 8)]
        for name, neighbour in contacts(entry, atoms) + hydrogen_bonded(entry, polar, atoms):
            # A salt bridge in the gas phase transfers its proton; beyond one charge it may too.
            extra = int(entry.atoms.charge[neighbour].sum())
            if not (charge and extra):
                options.append((f"{marked}+{name}", atoms | set(neighbour)))
    order = [bare[k] for k in rng.permutation(len(bare))]
    mixed = [options[k] for k in rng.permutation(len(options))]
    # Bare cores and pairs take turns: a family holds both.
    for k in range(max(len(order), len(mixed))):
        for name, atoms in order[k : k + 1] + mixed[k : k + 1]:
            yield Selection(kind, f"{kind}:{motif}", name, np.array(sorted(bridged(entry, atoms))))


def _named(entry: Entry, residue: int, names: tuple[str, ...]) -> list[int] | None:
    index = entry.named(residue)
    return [index[n] for n in names] if all(n in index for n in names) else None


def _shells(entry: Entry, start: int, away_from: int, limit: int) -> dict[int, int]:
    """Atoms reached from an atom without crossing to the other: index → number of bonds."""
    out, edge = {start: 0}, [start]
    for step in range(1, limit + 1):
        edge = [int(j) for i in edge for j in entry.bonded[i] if int(j) not in out and j != away_from]
        out.update(dict.fromkeys(edge, step))
    return out


def _whole_groups(entry: Entry, atoms: set[int]) -> set[int]:
    """A carbonyl carbon keeps its oxygen, and with a nitrogen kept also the other way round."""
    out = set(atoms)
    for i in atoms:
        if entry.numbers[i] == 6:
            ends = [int(j) for j in entry.bonded[i] if entry.numbers[j] == 8 and len(entry.bonded[j]) == 1]
            out |= set(ends)
    return out
