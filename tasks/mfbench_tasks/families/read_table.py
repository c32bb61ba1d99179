"""Tables of tab-separated values, from outside or our own: every line whole, or refused by its number."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from mfbench.errors import DataError

__all__ = ["read_table"]


def read_table(
    path: Path, columns: Sequence[str], *, key: Sequence[str] = (), others: bool = True
) -> list[dict[str, str]]:
    """The rows of a table with a header, plain or gzipped, as column → text.

    Args:
        columns: that the table must have.
        key: columns that together may name no two rows.
        others: whether it may have further columns.

    Raises:
        DataError: the table is missing, damaged or empty, a column is missing, a line has too few or
            too many fields, or names what an earlier one named; the message names file and line.
    """
    path = Path(path)
    try:
        with _open(path) as file:
            lines = list(csv.reader(file, delimiter="\t"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: the folder must hold it") from None
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise DataError(f"{path} cannot be read ({error})") from None
    header = lines[0] if lines else []
    for column in columns:
        if header.count(column) != 1:
            raise DataError(f"{path} is empty or has no column {column}")
    if not others and header != list(columns):
        raise DataError(f"{path}: its columns must be {', '.join(columns)}")
    rows, seen = [], set()
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        if len(line) != len(header):
            raise DataError(
                f"{path}, line {number}: {len(line)} fields for {len(header)} columns: is it cut short?"
            )
        row = dict(zip(header, line, strict=True))
        if key and (name := tuple(row[column] for column in key)) in seen:
            raise DataError(f"{path}, line {number}: {' '.join(name)} is there twice")
        elif key:
            seen.add(name)
        rows.append(row)
    if not rows:
        raise DataError(f"{path} is empty or has no column {columns[0]}")
    return rows


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return open(path, encoding="utf-8", newline="")
