"""Atom records as files give them, before anything is chosen: the seam between formats and atom arrays."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AtomRecord"]


@dataclass(frozen=True, slots=True)
class AtomRecord:
    """One atom line.

    Attributes:
        chain, number, insertion, residue: the author's where the file has them; chain and insertion may
            be empty.
        name, element: of the atom; the element as given, empty where the file has none.
        location: name of the alternate location, empty where there is one only.
        occupancy: as given, possibly empty: it is looked at where locations compete, and nowhere else.
        hetero: of a HETATM record.
        position: x, y, z in Å.
    """

    chain: str
    number: int
    insertion: str
    residue: str
    name: str
    element: str
    location: str
    occupancy: str
    hetero: bool
    position: tuple[float, float, float]

    @property
    def place(self) -> tuple[str, int, str]:
        """Chain, number and insertion code: of the residue, whatever is modelled there."""
        return (self.chain, self.number, self.insertion)

    @property
    def identity(self) -> tuple[str, int, str, str, str, str]:
        """What no two records of one frame may share."""
        return (*self.place, self.residue, self.name, self.location)

    @property
    def label(self) -> str:
        """For people: ``CB of VAL A5``."""
        where = f"{self.chain}{self.number}{self.insertion}"
        return f"{self.name} of {self.residue} {where}"
