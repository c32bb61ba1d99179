"""PDB text into atom records: columns that nothing uses may be missing, frames may lack MODEL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from biotite.structure.io.pdb.hybrid36 import decode_hybrid36

from mfbench.errors import StructureError
from mfbench_tasks.structures.records import AtomRecord
from mfbench_tasks.structures.residue_names import SIDE_CHAINS, WATERS

__all__ = ["read_pdb"]

_COORDINATES = 54
"""Columns up to z. What follows (occupancy, B factor, segment, element) may be absent."""


def read_pdb(text: str) -> list[AtomRecord]:
    """The atoms of the first frame, in file order.

    Frames are set apart by MODEL and ENDMDL, or by END alone, as some programs write them. What comes
    after an END belongs to the first frame where none of its atoms was there before (a ligand
    appended), and is another frame where any was.

    Raises:
        StructureError: no atom record, or a truncated or unreadable one (named).
    """
    frame: list[AtomRecord] = []
    seen: set[tuple[Any, ...]] = set()
    models = 0
    for modelled, lines in _parts(text):
        models += modelled
        if modelled and models > 1:
            continue
        part = [_record(line) for line in lines]
        identities = {atom.identity for atom in part}
        if not identities & seen:
            frame += part
            seen |= identities
    if not frame:
        raise StructureError("there is no ATOM record: it is not a PDB file")
    return frame


def _parts(text: str) -> Iterator[tuple[bool, list[str]]]:
    """Runs of atom lines between separators, and whether each lies in a MODEL."""
    lines: list[str] = []
    modelled = False
    for line in text.split("\n"):
        record = line[:6].rstrip().upper()
        if record in ("ATOM", "HETATM"):
            lines.append(line)
        elif record in ("MODEL", "ENDMDL", "END"):
            if lines:
                yield modelled, lines
            lines, modelled = [], record == "MODEL"
    if lines:
        yield modelled, lines


def _record(line: str) -> AtomRecord:
    where = f"'{line[:27].strip()}'"
    # A line cut inside a number would read as a smaller number.
    if len(line.rstrip()) < _COORDINATES:
        raise StructureError(f"it is truncated at {where}: a coordinate ends in column {_COORDINATES}")
    try:
        position = (float(line[30:38]), float(line[38:46]), float(line[46:54]))
        number = int(decode_hybrid36(line[22:26]))
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise StructureError(f"it is not a readable PDB file at {where}: {reason}") from None
    residue, chain = _residue_and_chain(line[17:22])
    return AtomRecord(
        chain=chain,
        number=number,
        insertion=line[26].strip(),
        residue=residue,
        name=line[12:16].strip(),
        element=line[76:78].strip(),
        location=line[16].strip(),
        occupancy=line[54:60].strip(),
        hetero=line[:6].upper() == "HETATM",
        position=position,
    )


def _residue_and_chain(columns: str) -> tuple[str, str]:
    """Columns 18 to 22: three letters, a blank and a chain; or a chain of two letters, or a residue name
    of four."""
    short = columns[:3].strip()
    if columns[3] == " " or not columns[4].strip():
        return columns[:4].strip(), columns[4].strip()
    if short.upper() in SIDE_CHAINS or short.upper() in WATERS:
        return short, columns[3:5]
    return columns[:4].strip(), columns[4].strip()
