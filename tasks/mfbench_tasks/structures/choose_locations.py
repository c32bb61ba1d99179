"""Of alternate locations, one stays: the copy of highest occupancy, whatever it is called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mfbench.errors import StructureError
from mfbench_tasks.structures.records import AtomRecord
from mfbench_tasks.structures.residue_names import WATERS

__all__ = ["check_unique", "choose_locations"]


def choose_locations(atoms: Sequence[AtomRecord]) -> list[AtomRecord]:
    """One copy of each residue, in file order.

    Where several residues are modelled in one place (microheterogeneity), the one of highest mean
    occupancy stays; of its locations the one with the largest sum of occupancies, since a copy may hold
    only the atoms that differ. Ties go to the name that sorts first. Copies whose names were lost (an atom
    repeated, with occupancies that add up to one) are told apart by their order.

    Raises:
        StructureError: an occupancy that decides is no number.
    """
    atoms = _with_lost_names(atoms)
    by_place: dict[tuple[Any, ...], list[AtomRecord]] = defaultdict(list)
    for atom in atoms:
        by_place[atom.place].append(atom)
    kept = {place: _kept(copies) for place, copies in by_place.items()}
    return [atom for atom in atoms if (atom.residue, atom.location) in kept[atom.place]]


def _with_lost_names(atoms: Sequence[AtomRecord]) -> list[AtomRecord]:
    """Atoms that come several times without a name of their location, as parts of one, get 1, 2, …"""
    times: dict[tuple[Any, ...], list[AtomRecord]] = defaultdict(list)
    for atom in atoms:
        if not atom.location and atom.residue not in WATERS:
            times[atom.identity].append(atom)
    shared = {
        name: iter("123456789")
        for name, copies in times.items()
        if 1 < len(copies) < 10 and all(c.occupancy for c in copies) and sum(map(_occupancy, copies)) < 1.02
    }
    return [
        replace(atom, location=next(shared[atom.identity])) if atom.identity in shared else atom
        for atom in atoms
    ]


def _kept(copies: Sequence[AtomRecord]) -> set[tuple[str, str]]:
    """Residue names and locations that stay in one place."""
    everywhere = {(atom.residue, atom.location) for atom in copies}
    located: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for atom in copies:
        if atom.location:
            located[atom.residue][atom.location].append(_occupancy(atom))
    if not located:
        return everywhere
    # A residue without locations is no alternative to others: a water may share a ligand's number.
    fixed = {pair for pair in everywhere if pair[0] not in located}
    sizes = {name: max(_mean(found) for found in of.values()) for name, of in located.items()}
    residue = max(sorted(sizes), key=lambda name: sizes[name])
    of = located[residue]
    location = max(sorted(of), key=lambda name: sum(of[name]))
    return fixed | {(residue, ""), (residue, location)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _occupancy(atom: AtomRecord) -> float:
    try:
        return float(atom.occupancy or 1.0)  # the format's own default
    except ValueError:
        raise StructureError(f"the occupancy of {atom.label} is '{atom.occupancy}', no number") from None


def check_unique(atoms: Sequence[AtomRecord]) -> None:
    """Refuse atoms that are there twice. Simulation programs number waters in circles: they may.

    Raises:
        StructureError: names the atom.
    """
    seen: set[tuple[Any, ...]] = set()
    for atom in atoms:
        if atom.residue in WATERS:
            continue
        if (name := (*atom.place, atom.residue, atom.name)) in seen:
            raise StructureError(
                f"{atom.label} is there twice: are there several frames or copies of a chain? Give one, or "
                "name chains apart"
            )
        seen.add(name)
