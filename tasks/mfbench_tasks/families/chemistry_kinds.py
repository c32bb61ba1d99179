"""Kinds of chemistry families: where each occurs, and how its places are cut; a new one is an entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from mfbench_tasks.families.chemistry import ChemistryFamily
from mfbench_tasks.fragments import select_ligands, select_modified, select_sites
from mfbench_tasks.fragments.building_blocks import Entry, contacts
from mfbench_tasks.fragments.select import Selection
from mfbench_tasks.fragments.select_modified import Core

__all__ = ["KINDS", "ChemistryKind"]


@dataclass(frozen=True)
class ChemistryKind:
    """A kind of chemistry family.

    Attributes:
        matches: (entry, anchor residue, family) → the detail of each place that it is (a ligand set, the
            partner of a bridge, or nothing to tell); none where it is no place of the family.
        selections: (entry, anchor residue, family, random stream, how many) → heavy atoms to cut.
    """

    matches: Callable[[Entry, int, ChemistryFamily], Iterator[str]]
    selections: Callable[[Entry, int, ChemistryFamily, np.random.Generator, int], Iterator[Selection]]


def _site_matches(entry: Entry, residue: int, family: ChemistryFamily) -> Iterator[str]:
    core = select_sites.core_of(entry, residue)
    letters = select_sites.signature(entry, core) if core else "?"
    if re.fullmatch(family.ligand_set, letters):
        yield letters


def _bridge_matches(entry: Entry, residue: int, family: ChemistryFamily) -> Iterator[str]:
    index = entry.named(residue)
    for j in select_modified.partners(entry, index[family.bond]) if family.bond in index else ():
        name = f"{entry.name(int(entry.residue[j]))}.{entry.atoms.atom_name[j]}"
        if any(re.fullmatch(pattern, name) for pattern in family.to):
            yield name


def _ligand_matches(entry: Entry, residue: int, family: ChemistryFamily) -> Iterator[str]:
    for _, core in select_ligands.moiety_cores(entry, residue, family.atoms[entry.name(residue)])[:1]:
        # What is too small to stand alone needs a side chain that touches it.
        if len(core) >= family.alone or contacts(entry, set(core)):
            yield ""


def _modified_matches(entry: Entry, residue: int, family: ChemistryFamily) -> Iterator[str]:
    if entry.follower(residue) is not None or family.build == "":
        yield ""


def _halogen_matches(entry: Entry, residue: int, family: ChemistryFamily) -> Iterator[str]:
    yield ""


def _site_selections(
    entry: Entry, residue: int, family: ChemistryFamily, rng: np.random.Generator, count: int
) -> Iterator[Selection]:
    return select_sites.variants(entry, residue, rng, count)


def _bridge_selections(
    entry: Entry, residue: int, family: ChemistryFamily, rng: np.random.Generator, count: int
) -> Iterator[Selection]:
    anchor = entry.named(residue)[family.bond]
    name, label = entry.name(residue), entry.label(residue)
    cores: list[Core] = []
    for other in select_modified.partners(entry, anchor):
        cores += select_modified.bridge_cores(entry, anchor, other, family.depth)
        name = f"{entry.name(residue)}-{entry.name(int(entry.residue[other]))}"
        label = f"{entry.label(residue)}-{entry.label(int(entry.residue[other]))}"
    found = select_modified.with_contacts(entry, cores, family.kind, name, label, rng, family.alone)
    return islice(found, count)


def _selections_of(
    cores_of: Callable[[Entry, int, ChemistryFamily], list[Core]],
) -> Callable[[Entry, int, ChemistryFamily, np.random.Generator, int], Iterator[Selection]]:
    """Selections around the cores of one residue."""

    def selections(
        entry: Entry, residue: int, family: ChemistryFamily, rng: np.random.Generator, count: int
    ) -> Iterator[Selection]:
        cores = cores_of(entry, residue, family)
        name, label = entry.name(residue), entry.label(residue)
        found = select_modified.with_contacts(entry, cores, family.kind, name, label, rng, family.alone)
        return islice(found, count)

    return selections


def _modified_cores(entry: Entry, residue: int, family: ChemistryFamily) -> list[Core]:
    return select_modified.residue_cores(entry, residue)


def _ligand_cores(entry: Entry, residue: int, family: ChemistryFamily) -> list[Core]:
    return select_ligands.moiety_cores(entry, residue, family.atoms[entry.name(residue)])


def _halogen_cores(entry: Entry, residue: int, family: ChemistryFamily) -> list[Core]:
    return select_ligands.halogen_cores(entry, residue)


KINDS: dict[str, ChemistryKind] = {
    "site": ChemistryKind(_site_matches, _site_selections),
    "modified": ChemistryKind(_modified_matches, _selections_of(_modified_cores)),
    "bridge": ChemistryKind(_bridge_matches, _bridge_selections),
    "ligand": ChemistryKind(_ligand_matches, _selections_of(_ligand_cores)),
    "halogen": ChemistryKind(_halogen_matches, _selections_of(_halogen_cores)),
}
