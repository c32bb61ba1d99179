"""Committed tables of families: who is in which fold, fixed once and for all."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.families.chemistry import load_families
from mfbench_tasks.families.read_table import read_table

__all__ = ["FamilyRow", "chemistry_rows", "read_any_families", "read_families", "write_families"]

_FOLDS = ("train", "validation", "test")


@dataclass(frozen=True)
class FamilyRow:
    """A family of a construction.

    Attributes:
        family_id, fold, title: as in a split.
        family_class: what a split calls its stratum, e.g. ``mainly-alpha``.
        support_group: the group whose support fragments it takes.
        heldout_group: the group whose held-out fragments it takes.
        proteins, clusters: chains, and the 30 % cluster of each.
    """

    family_id: str
    fold: str
    family_class: str
    title: str
    support_group: str
    heldout_group: str
    proteins: tuple[str, ...]
    clusters: tuple[str, ...]


_COLUMNS = ["family_id", "fold", "stratum", "title", "pool", "heldout", "proteins", "clusters"]
"""Of the table, in the order of the fields."""


def write_families(path: Path, rows: Sequence[FamilyRow]) -> None:
    """Write a table of tab-separated values, lists joined by ``;``."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in rows:
            writer.writerow([";".join(v) if isinstance(v, tuple) else v for v in astuple(row)])


def chemistry_rows(path: Path) -> list[FamilyRow]:
    """The families of a chemistry table. Each is its own group, and its own cluster in the bootstrap: it
    is its chemistry that is held out, not the proteins it was cut from.

    The class of a test family is its test stratum, that of the others its kind.

    Raises:
        DataError: the table is missing or wrong.
    """
    return [
        FamilyRow(
            family_id=f.id,
            fold=f.fold,
            family_class=f.test_stratum or f.kind,
            title=f.title,
            support_group=f.id,
            heldout_group=f.id,
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
    rows = []
    lines = read_table(path, _COLUMNS, key=(_COLUMNS[0],), others=False)
    for number, line in enumerate(lines, start=2):
        if line["fold"] not in _FOLDS:
            raise DataError(f"{path}, line {number}: the fold is none of {_FOLDS}")
        family_id, fold, family_class, title, support, heldout, proteins, clusters = (
            line[name] for name in _COLUMNS
        )
        rows.append(
            FamilyRow(
                family_id=family_id,
                fold=fold,
                family_class=family_class,
                title=title,
                support_group=support,
                heldout_group=heldout,
                proteins=tuple(proteins.split(";")),
                clusters=tuple(clusters.split(";")),
            )
        )
    return rows


_READERS = {".yaml": chemistry_rows, ".tsv": read_families}
