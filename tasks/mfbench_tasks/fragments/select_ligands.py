"""Ligand moieties: named atoms of a bound molecule, the rest of it replaced by hydrogens."""

from __future__ import annotations

from mfbench_tasks.fragments.building_blocks import Entry
from mfbench_tasks.fragments.select_modified import Core, partners

__all__ = ["halogen_cores", "moiety_cores"]

_HALOGENS = (9, 17, 35)
_LARGEST = 14  # heavy atoms of a core around a halogen


def moiety_cores(entry: Entry, residue: int, names: str) -> list[Core]:
    """The named atoms of a residue; ``*`` stands for all. Names in brackets make a second, larger core.

    An oxygen or nitrogen by which another residue is bonded to them comes along, so that a sugar keeps
    its bridging oxygen; names of other residues are written ``LYS.NZ``.
    """
    index = entry.named(residue)
    small = [n for n in names.split() if not n.startswith("(")]
    extra = [n.strip("()") for n in names.split() if n.startswith("(")]
    out: list[Core] = []
    for mark, wanted in (("", small), ("'", small + extra)):
        own = list(index) if wanted == ["*"] else [n for n in wanted if "." not in n]
        if not all(n in index for n in own) or (mark and not extra):
            continue
        atoms = {index[n] for n in own}
        for name in (n for n in wanted if "." in n):
            atoms |= _across(entry, residue, *name.split("."))
        for i in list(atoms):
            atoms |= {j for j in partners(entry, i) if entry.numbers[j] in (7, 8)}
        out.append((mark, sorted(atoms)))
    return out


def _across(entry: Entry, residue: int, other: str, atom: str) -> set[int]:
    """An atom of a residue bonded to this one."""
    linked = {
        int(entry.residue[j])
        for i in range(entry.starts[residue], entry.starts[residue + 1])
        for j in partners(entry, i)
    }
    indices = [entry.named(k) for k in sorted(linked) if entry.name(k) == other]
    return {index[atom] for index in indices if atom in index}


def halogen_cores(entry: Entry, residue: int) -> list[Core]:
    """Each halogen with its ring and the ring's substituents, one atom deep."""
    out: list[Core] = []
    for i in range(entry.starts[residue], entry.starts[residue + 1]):
        if entry.numbers[i] not in _HALOGENS or len(entry.bonded[i]) != 1:
            continue
        ring = _ring(entry, int(entry.bonded[i][0]))
        if not ring:
            continue
        around = {int(j) for k in ring for j in entry.bonded[k]} | ring
        for mark, atoms in (("", ring | {i}), ("'", around)):
            if len(atoms) <= _LARGEST:
                out.append((f"{entry.atoms.atom_name[i]}{mark}", sorted(atoms)))
    return out


def _ring(entry: Entry, start: int) -> set[int]:
    """The smallest ring of at most six atoms through an atom; empty if there is none."""
    paths = [[start]]
    for _ in range(6):
        longer = []
        for path in paths:
            for j in map(int, entry.bonded[path[-1]]):
                if j == start and len(path) > 2:
                    return set(path)
                if j not in path:
                    longer.append([*path, j])
        paths = longer
    return set()
