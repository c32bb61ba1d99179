"""Of alternate locations, one stays: the copy of highest occupancy, whatever it is called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mfbench.errors import StructureError
from mfbench_tasks.structures.records import AtomRecord
from mfbench_tasks.structures.residue_names import WATERS

__all__ = ["choose_locations"]


def choose_locations(atoms: Sequence[AtomRecord]) -> list[AtomRecord]:
    """One copy of each residue, in file order.

    Where several residues are modelled in one place (microheterogeneity), the one of highest mean
    occupancy stays; of its locations the one with the largest sum of occupancies, since a copy may hold
    only the atoms that differ. Ties go to the name that sorts first.

    Raises:
        StructureError: an occupancy that decides is no number, or an atom is there twice (named).
    """
    by_place: dict[tuple, list[AtomRecord]] = defaultdict(list)
    for atom in atoms:
        by_place[atom.place].append(atom)
    kept = {place: _kept(copies) for place, copies in by_place.items()}
    out = [atom for atom in atoms if (atom.residue, atom.location) in kept[atom.place]]
    _check_unique(out)
    return out


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


def _check_unique(atoms: Sequence[AtomRecord]) -> None:
    """Simulation programs number waters in circles; nothing else may be there twice."""
    seen: set[tuple] = set()
    for atom in atoms:
        if atom.residue in WATERS:
            continue
        if (name := (*atom.place, atom.residue, atom.name)) in seen:
            raise StructureError(
                f"{atom.label} is there twice: are there several frames or copies of a chain? Give one, or "
                "name chains apart"
            )
        seen.add(name)
