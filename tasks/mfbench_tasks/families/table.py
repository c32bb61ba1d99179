"""Committed tables of families: who is in which fold, fixed once and for all."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.families.chemistry import load_families

__all__ = ["FamilyRow", "chemistry_rows", "read_any_families", "read_families", "write_families"]

_FOLDS = ("train", "validation", "test")


@dataclass(frozen=True)
class FamilyRow:
    """A family of a construction.

    Attributes:
        family_id, fold, stratum, title: as in a split.
        pool: the group whose pool fragments it takes.
        heldout: the group whose held-out fragments it takes.
        proteins, clusters: chains, and the 30 % cluster of each.
    """

    family_id: str
    fold: str
    stratum: str
    title: str
    pool: str
    heldout: str
    proteins: tuple[str, ...]
    clusters: tuple[str, ...]


def write_families(path: Path, rows: Sequence[FamilyRow]) -> None:
    """Write a table of tab-separated values, lists joined by ``;``."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow([f.name for f in fields(FamilyRow)])
        for row in rows:
            writer.writerow([";".join(v) if isinstance(v, tuple) else v for v in astuple(row)])


def chemistry_rows(path: Path) -> list[FamilyRow]:
    """The families of a chemistry table. Each is its own group, and its own cluster in the bootstrap: it
    is its chemistry that is held out, not the proteins it was cut from.

    The stratum of a test family is its test stratum, that of the others its kind.

    Raises:
        DataError: the table is missing or wrong.
    """
    return [
        FamilyRow(
            family_id=f.id,
            fold=f.fold,
            stratum=f.test_stratum or f.kind,
            title=f.title,
            pool=f.id,
            heldout=f.id,
            proteins=(),
            clusters=(f.id,),
        )
        for f in load_families(path)
    ]


def read_any_families(path: Path) -> list[FamilyRow]:
    """Read a table of families: tab-separated values, or (``.yaml``) a table of chemistry families.

    Raises:
        DataError: as of ``read_families`` and ``chemistry_rows``.
    """
    return _READERS.get(Path(path).suffix, read_families)(path)


def read_families(path: Path) -> list[FamilyRow]:
    """Read a table of families.

    Raises:
        DataError: it is missing or damaged, a fold is unknown, or a family is listed twice.
    """
    names = [f.name for f in fields(FamilyRow)]
    try:
        with open(path, newline="") as file:
            reader = csv.DictReader(file, delimiter="\t")
            header, lines = reader.fieldnames, list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read ({error})") from None
    if header != names:
        raise DataError(f"{path}: its columns must be {', '.join(names)}")
    rows = []
    for number, line in enumerate(lines, start=2):
        if None in line.values() or line["fold"] not in _FOLDS:
            raise DataError(f"{path}, line {number}: a column is missing, or the fold is none of {_FOLDS}")
        lists = {name: tuple(line.pop(name).split(";")) for name in ("proteins", "clusters")}
        rows.append(FamilyRow(**line, **lists))
    ids = [row.family_id for row in rows]
    for name in ids:
        if ids.count(name) > 1:
            raise DataError(f"{path}: family {name} is listed twice")
    return rows


_READERS = {".yaml": chemistry_rows, ".tsv": read_families}
