"""Where the families of the ``chemistry`` construction occur: one pass over all entries."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from mfbench.errors import DataError, StructureError
from mfbench_tasks.families.chemistry import ChemistryFamily, Place, load_families
from mfbench_tasks.families.chemistry_kinds import KINDS
from mfbench_tasks.fragments.building_blocks import Entry
from mfbench_tasks.fragments.protonate import prepare_chemistry
from mfbench_tasks.structures.read import entry_id, read_structure

__all__ = ["find_places", "limit_places", "scan_entry", "scan_folder", "write_places"]

_PER_ENTRY = 12  # places of a family in one entry; crystals repeat themselves
_PER_FAMILY = 40


def find_places(
    table: Path, structures: Path, out: Path, *, log: Callable[[str], None] = lambda line: None
) -> int:
    """Write the table of places of a table of families; returns how many there are.

    Args:
        structures: folder of entries.
        log: takes a line for every entry that cannot be read.

    Raises:
        DataError: the table of families is missing or wrong, or there is no folder of entries.
    """
    families = load_families(table)
    if not (Path(structures) / "entries").is_dir():
        raise DataError(f"{structures} has no folder 'entries'")
    return write_places(out, limit_places(families, list(scan_folder(structures, families, log))))


def scan_folder(
    folder: Path, families: Sequence[ChemistryFamily], log: Callable[[str], None]
) -> Iterator[Place]:
    """Places of all families in all entries of ``folder/entries``; what cannot be read is logged."""
    anchors = {name for family in families for name in family.anchors}
    for path in sorted((Path(folder) / "entries").iterdir()):
        try:
            atoms = read_structure(path)
            if anchors & set(atoms.res_name):
                entry = Entry(prepare_chemistry(atoms))
                yield from scan_entry(entry, entry_id(path), families)
        except StructureError as error:
            log(f"skipped: {error}")


def scan_entry(entry: Entry, pdb_id: str, families: Sequence[ChemistryFamily]) -> Iterator[Place]:
    """Places of the families in one entry."""
    names = entry.atoms.res_name[entry.starts[:-1]]
    for family in families:
        count = 0
        for residue in [k for k, name in enumerate(names) if name in family.anchors]:
            for detail in KINDS[family.kind].matches(entry, residue, family):
                i = entry.starts[residue]
                number = f"{entry.atoms.res_id[i]}{entry.atoms.ins_code[i]}".strip()
                chain = str(entry.atoms.chain_id[i])
                yield Place(
                    family=family.id, pdb_id=pdb_id, chain=chain, residue=number,
                    name=entry.name(residue), detail=detail,
                )  # fmt: skip
                count += 1
            if count >= _PER_ENTRY:
                break


def limit_places(families: Sequence[ChemistryFamily], places: Sequence[Place]) -> list[Place]:
    """At most ``_PER_FAMILY`` places per family: entries take turns in the order of a hash, those first
    that need nothing built."""
    out: list[Place] = []
    for family in families:
        turns: dict[tuple[bool, str], int] = defaultdict(int)
        ranked = []
        for place in places:
            if place.family == family.id:
                built = family.builds(place.name)
                digest = hashlib.sha256(f"{family.id} {place.pdb_id}".encode()).hexdigest()
                ranked.append((built, turns[built, place.pdb_id], digest, place))
                turns[built, place.pdb_id] += 1
        chosen = [place for *_, place in sorted(ranked, key=lambda r: r[:3])[:_PER_FAMILY]]
        out += sorted(chosen, key=lambda p: (p.pdb_id, p.chain, p.residue))
    return out


def write_places(path: Path, places: Iterable[Place]) -> int:
    """Write the table; returns the number of places."""
    rows = [place.model_dump() for place in places]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(Place.model_fields), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)
